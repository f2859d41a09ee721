# Plots what rlx-bench matmul measured, for tools/dev bench:
#
#   gnuplot -e "data='matmul.csv'; folder='build/bench'" tools/bench/plot.gp
#
# writes speed.svg (speed against scheme) and roofline.svg (speed against M), both beside the limits that were measured
# in the same run. Figures of other programs (peers='FILE') come from another run, and are shown where shape and threads
# are those of that run.

# column(NAME, CONDITION): a value of the first row for which CONDITION holds.
# Without quotes, and with what is a comma within them as a semicolon.
unquote = "{ n = split($0, part, \"\\\"\"); line = part[1]; for (i = 2; i <= n; i++) { ".\
    "if (i % 2 == 0) gsub(/,/, \";\", part[i]); line = line part[i] } $0 = line } "
select = "awk -F, '".unquote."NR == 1 { for (i = 1; i <= NF; i++) c[$i] = i; next } "
rows(condition, values) = sprintf("< %s %s && $c[\"gflops\"] != \"\" { print %s }' %s", select, condition, values, data)
first(condition, value) = system(sprintf("%s %s { print %s; exit }' %s", select, condition, value, data))
is(type) = sprintf("$c[\"activations\"] == \"%s\"", type)

types = system(sprintf("%s $c[\"gflops\"] != \"\" && !seen[$c[\"activations\"]]++ { print $c[\"activations\"] }' %s", select, data))
machine = first("NR > 1", "$c[\"machine\"]")
shape = first("NR > 1", "$c[\"n\"] \" x \" $c[\"k\"]")
threads = first("NR > 1", "$c[\"threads\"]")
mostRows = system(sprintf("%s $c[\"m\"] > most { most = $c[\"m\"] } END { print most }' %s", select, data))
# Each row has a limit that was measured beside it; the line is the highest.
highest(condition) = system(sprintf("%s %s && $c[\"limit_value\"] + 0 > most { most = $c[\"limit_value\"] + 0 } END { print most }' %s", select, condition, data)) + 0
memory = highest("$c[\"m\"] == 1")
peak(type) = highest(is(type)." && $c[\"m\"] > 1")
peakName(type) = first(is(type)." && $c[\"m\"] > 1", "$c[\"limit\"]")

# The figures of a peer, in the order of the schemes; names are spelled in two ways.
if (!exists("peers")) { peers = "" }
peerNames = (peers eq "" || shape ne "4096 x 4096" || threads ne "1") ? "" : "ggml ik_llama.cpp"
peersAt(peer, m) = sprintf("< awk -F, '%s function plain(name) { gsub(/gguf|_/, \"\", name); return tolower(name) } ".\
    "FNR == NR { if ($2 == %s && $3 == \"%s\") value[plain($1)] = $4; next } ".\
    "FNR == 1 { for (i = 1; i <= NF; i++) c[$i] = i; next } ".\
    "$c[\"m\"] == %s && !seen[$c[\"scheme\"]]++ { name = plain($c[\"scheme\"]); print (name in value ? value[name] : \"NaN\") ".\
    "}' %s %s", unquote, m, peer, m, peers, data)

set terminal svg size 1100,800 background rgb 'white' font 'sans-serif,12'
set style fill solid 0.85
set grid ytics linecolor rgb '#dddddd'
set border 3
set tics nomirror
set key top outside horizontal left

set output folder.'/speed.svg'
set multiplot layout 2,1 title sprintf("%s, weights of %s, threads: %s", machine, shape, threads)
set style data histograms
set style histogram clustered gap 1
set boxwidth 0.9
set xtics rotate by -35 noenhanced
set yrange [0:*]
set ylabel sprintf("GFLOP/s at M = %s", mostRows)
plot for [t in types] rows(is(t)." && $c[\"m\"] == ".mostRows, "$c[\"scheme\"], $c[\"gflops\"]") \
       using 2:xtic(1) title t.' activations', \
     for [p in peerNames] peersAt(p, mostRows) using ($0 - 0.45):1:(0.9):(0) with vectors nohead linewidth 2.5 \
       linecolor rgb (p eq 'ggml' ? '#999999' : 'black') title p.', 8 bits, another run' noenhanced, \
     for [t in types] (peak(t) > 0 ? peak(t) : NaN) with lines dashtype 2 linewidth 2 title 'peak of '.peakName(t)
set ylabel 'GB/s of the stored weight at M = 1'
plot for [t in types] rows(is(t)." && $c[\"m\"] == 1", "$c[\"scheme\"], $c[\"file_gbps\"]") \
       using 2:xtic(1) title t.' activations', \
     for [p in peerNames] peersAt(p, '1') using ($0 - 0.45):1:(0.9):(0) with vectors nohead linewidth 2.5 \
       linecolor rgb (p eq 'ggml' ? '#999999' : 'black') title p.', 8 bits, another run' noenhanced, \
     memory with lines dashtype 2 linewidth 2 title 'read bandwidth of memory'
unset multiplot

set output folder.'/roofline.svg'
set style data linespoints
set logscale x 2
set logscale y 2
set yrange [*:*]
set autoscale yfix
set xtics norotate
set xlabel 'M, rows of activations'
set ylabel 'GFLOP/s'
set key right outside vertical noenhanced
type = word(types, words(types))
schemes = system(sprintf("%s %s && $c[\"gflops\"] != \"\" && !seen[$c[\"scheme\"]]++ { print $c[\"scheme\"] }' %s", select, is(type), data))
bits(scheme) = first("$c[\"scheme\"] == \"".scheme."\" && $c[\"file_bits\"] != \"\"", "$c[\"file_bits\"]") + 0
# The roof of a scheme: a weight of b bits is read once for 2 M operations with each element.
least = word(schemes, 1)
most = word(schemes, 1)
do for [s in schemes] {
  if (bits(s) < bits(least)) { least = s }
  if (bits(s) > bits(most)) { most = s }
}
top = peak(type) > 0 ? peak(type) : 1e9
roof(b, m) = (w = memory * 16 * m / b, w < top ? w : top)
set title sprintf("%s, weights of %s, %s activations, threads: %s", machine, shape, type, threads)
set samples 400
set xrange [1:mostRows + 0]
plot roof(bits(least), x) with lines linecolor rgb 'black' dashtype 2 title sprintf('limit at %.3g bits', bits(least)), \
     roof(bits(most), x) with lines linecolor rgb 'black' dashtype 3 title sprintf('limit at %.3g bits', bits(most)), \
     for [s in schemes] rows(is(type)." && $c[\"scheme\"] == \"".s."\"", "$c[\"m\"], $c[\"gflops\"]") \
       using 1:2 title s
