// Package expr is CEL with limits, for all expressions that people write: conditions of bisections, filters of tails, guards of contracts,
// values that upcasts derive. A [Language] says what an expression is about and what it may cost; what it compiles can neither run away
// nor loop. It also makes text from outside harmless before it is shown ([Clean], [Quote]).
package expr
