// RUN: rlx-opt %s --split-input-file --verify-diagnostics

util.global private @w
// expected-error@+1 {{expected ':' and a type, or '=' and a value}}
func.func @main()

// -----

// expected-error@+1 {{expected the type of the value}}
util.global private @w = "text"

// -----

// expected-error@+1 {{custom op 'util.func' is unknown}}
util.func @w()
