// Package models is the vocabulary that every room shares: the data dictionary (embedded, the single source for the
// intake contract, the Parquet schema, the partner documentation and the fixtures), periods, dates, codes and the
// reason codes of receipts.
//
// It does no input or output and knows no other package of this module. Everything it hands out is a value that
// callers must treat as read-only.
package models
