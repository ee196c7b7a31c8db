package relay

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/nats-io/nats.go"
)

// askAgain is how long a question stays unanswered before it is put once more.
const askAgain = 500 * time.Millisecond

// ask puts a question that changes nothing, and reads the answer into what is given. In a cluster nobody answers while the stream has no leader, and a question
// put then stays unanswered: so it is put again, and whichever answer comes within answerTime counts. (Shorter waits, one
// after the other, would never hear a server that is slower than they are.)
func (s stream) ask(ctx context.Context, subject string, question []byte, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	inbox := s.nc.NewInbox()
	sub, err := s.nc.SubscribeSync(inbox)
	if err != nil {
		return err
	}
	defer sub.Unsubscribe()
	for {
		if err := s.nc.PublishRequest(subject, inbox, question); err != nil {
			return err
		}
		try, end := context.WithTimeout(ctx, askAgain)
		m, err := sub.NextMsgWithContext(try)
		end()
		switch {
		case err == nil && m.Header.Get("Status") == noResponders:
			return nats.ErrNoResponders
		case err == nil:
			return json.Unmarshal(m.Data, answer)
		case !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil:
			return err
		}
	}
}

// noResponders is the status with which a server answers what nobody listens to.
const noResponders = "503"
