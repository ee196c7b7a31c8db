package depth

const psiFloor = 1e-6

type DriftOptions struct{ Query }
type DriftReport struct{ Head }

func (f *Fold) Drift(o DriftOptions) DriftReport { return DriftReport{} }
