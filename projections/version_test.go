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
	const want = "version 3: ae5c1d06d60cd78e1d4b2defeaa0d232f2964b33b7793801c9ae03c3575ba05a"
	if got := fmt.Sprintf("version %d: %s", modelVersion, d); got != want {
		t.Errorf("the models of the tiny ledger are\n%s, noted is\n%s", got, want)
	}
}
