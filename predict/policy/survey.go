package policy

import (
	"context"

	"github.com/baton-ledger/baton/ledger"
	"github.com/baton-ledger/baton/predict/features"
)

// Survey reads a ledger's decisions for training. say is told how far it is, and 0 at the end.
func Survey(ctx context.Context, r ledger.Reader, holdout float64, say func(position uint64)) (*Log, error) {
	return Read(ctx, r.Read(ctx, ledger.ReadOptions{}), &features.Spec{}, say)
}
