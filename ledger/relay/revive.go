package relay

import (
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// reviveEvery is how often a JetStream that went out is looked at. Each try reads its files.
const reviveEvery = 2 * time.Second

// revive switches JetStream on again where it has switched itself off, as it does when it meets a full disk: with room again it goes on from its files, and the
// relay from the stream's end. While there is none it goes out again with the next message.
func (e *Embedded) revive(dir string, config server.JetStreamConfig) {
	defer close(e.ended)
	config.StoreDir = dir
	for tick := time.Tick(reviveEvery); ; {
		select {
		case <-e.closing:
			return
		case <-tick:
		}
		if e.server.JetStreamEnabled() {
			continue
		}
		again := config // EnableJetStream changes it
		if err := e.server.EnableJetStream(&again); err != nil {
			logger(e.logger).Warn("JetStream stays out, trying again", "error", err)
			continue
		}
		logger(e.logger).Info("JetStream is on again")
	}
}
