package relay

import (
	"context"
)

// make makes the stream.
func (r *Relay) make(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	if _, err := r.js.CreateStream(ctx, streamConfig(r.replicas)); err != nil {
		return unavailable("make the stream "+StreamName, err)
	}
	r.raised = true
	return nil
}

// raise gives a stream that has fewer replicas than are wanted the others. It is tried once: where it is refused (too few servers, no right to) the
// stream does what it did before, and the log and `baton doctor` say so. More replicas than wanted are left alone.
func (r *Relay) raise(ctx context.Context) {
	if r.raised || r.replicas == 1 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	st, err := r.js.Stream(ctx, StreamName)
	if err != nil {
		return // asked again with the next look at the stream
	}
	r.raised = true
	config := st.CachedInfo().Config
	if config.Replicas >= r.replicas {
		return
	}
	before := config.Replicas
	config.Replicas = r.replicas
	if _, err := r.js.UpdateStream(ctx, config); err != nil {
		r.log.Warn("the stream keeps its replicas", "has", before, "wanted", r.replicas, "error", err, "try", hintFor(err))
		return
	}
	r.log.Info("the stream gets more replicas", "had", before, "wanted", r.replicas)
}
