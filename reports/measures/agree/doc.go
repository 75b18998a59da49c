// Package agree holds the measures' SQL against fixtures/oracle, the second implementation of the same definitions: small
// adversarial counties are drawn, both compute every figure of the plan `full`, and the two must be equal. There is nothing
// in it but tests; the long run is `make agree`.
package agree
