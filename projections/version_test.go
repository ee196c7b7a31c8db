package projections

import (
	"fmt"
	"testing"
)

// TestVersionIsOfTheBytes fails when the same events give other keys or values under the same version: models that another build wrote
// would then be read as what they are not. Raise modelVersion and note the new digest.
func TestVersionIsOfTheBytes(t *testing.T) {
	_, d, err := tinyModels(t).Digest(background)
	check(t, err)
	const want = "version 2: a9c338362647f898bd081b9ddbf82edc45af9fb97c89ac12584f5dc2e301a0ad"
	if got := fmt.Sprintf("version %d: %s", modelVersion, d); got != want {
		t.Errorf("the models of the tiny ledger are\n%s, noted is\n%s", got, want)
	}
}
