# Plots what rlx-bench matmul measured, for tools/dev bench:
#
#   gnuplot -e "data='matmul.csv'; folder='build/bench'" tools/bench/plot.gp
#
# writes speed.svg (speed against scheme) and roofline.svg (speed against M), both beside the limits that were measured
# in the same run.

# column(NAME, CONDITION): a value of the first row for which CONDITION holds.
select = "awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) c[$i] = i; next } { for (i in c) gsub(/\"/, \"\", $c[i]) } "
rows(condition, values) = sprintf("< %s %s && $c[\"gflops\"] != \"\" { print %s }' %s", select, condition, values, data)
first(condition, value) = system(sprintf("%s %s { print %s; exit }' %s", select, condition, value, data))
is(type) = sprintf("$c[\"activations\"] == \"%s\"", type)

types = system(sprintf("%s $c[\"gflops\"] != \"\" && !seen[$c[\"activations\"]]++ { print $c[\"activations\"] }' %s", select, data))
machine = first("NR > 1", "$c[\"machine\"]")
shape = first("NR > 1", "$c[\"n\"] \" x \" $c[\"k\"]")
threads = first("NR > 1", "$c[\"threads\"]")
mostRows = system(sprintf("%s $c[\"m\"] > most { most = $c[\"m\"] } END { print most }' %s", select, data))
memory = first("$c[\"m\"] == 1", "$c[\"limit_value\"]") + 0
peak(type) = first(is(type)." && $c[\"m\"] > 1", "$c[\"limit_value\"]") + 0
peakName(type) = first(is(type)." && $c[\"m\"] > 1", "$c[\"limit\"]")

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
     for [t in types] (peak(t) > 0 ? peak(t) : NaN) with lines dashtype 2 linewidth 2 title 'peak of '.peakName(t)
set ylabel 'GB/s of the stored weight at M = 1'
plot for [t in types] rows(is(t)." && $c[\"m\"] == 1", "$c[\"scheme\"], $c[\"file_gbps\"]") \
       using 2:xtic(1) title t.' activations', \
     memory with lines dashtype 2 linewidth 2 title 'read bandwidth of memory'
unset multiplot

set output folder.'/roofline.svg'
set style data linespoints
set logscale x 2
set logscale y
set yrange [*:*]
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
