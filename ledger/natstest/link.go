package natstest

import (
	"net"
	"sync"
)

// Link is a TCP connection's way through this process, which can be cut and healed. Its address stays when the target changes.
type Link struct {
	listener net.Listener

	mu     sync.Mutex
	target string
	state  linkState
	turned chan struct{} // closed when state changes
	conns  map[net.Conn]bool
}

type linkState int

const (
	whole   linkState = iota
	cut               // connections end, new ones are refused: a process that died, a port that closed
	stalled           // nothing arrives and nobody is told: a cable pulled, a machine paused
	closed
)

// NewLink listens on a free port of loopback. The target may be set later: until then connections are refused.
func NewLink(target string) (*Link, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	k := &Link{listener: l, target: target, turned: make(chan struct{}), conns: map[net.Conn]bool{}}
	go k.accept()
	return k, nil
}

// Addr is where it listens.
func (k *Link) Addr() string { return k.listener.Addr().String() }

// To sets where new connections go.
func (k *Link) To(target string) {
	k.mu.Lock()
	k.target = target
	k.mu.Unlock()
}

// Cut ends all connections and refuses new ones.
func (k *Link) Cut() { k.turn(cut) }

// Stall holds every byte back, in both directions, and tells neither end. What is on its way arrives after Heal.
func (k *Link) Stall() { k.turn(stalled) }

// Heal lets everything pass again.
func (k *Link) Heal() { k.turn(whole) }

// Close ends it for good.
func (k *Link) Close() {
	k.turn(closed)
	k.listener.Close()
}

func (k *Link) turn(to linkState) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.state == closed {
		return
	}
	k.state = to
	close(k.turned)
	k.turned = make(chan struct{})
	if to == cut || to == closed {
		for c := range k.conns {
			c.Close()
		}
		clear(k.conns)
	}
}

func (k *Link) accept() {
	for {
		c, err := k.listener.Accept()
		if err != nil {
			return
		}
		go k.join(c)
	}
}

// join carries one connection until either end leaves or the link is cut.
func (k *Link) join(near net.Conn) {
	defer k.leave(near)
	if !k.enter(near) || !k.pass() {
		return
	}
	k.mu.Lock()
	target := k.target
	k.mu.Unlock()
	far, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer k.leave(far)
	if !k.enter(far) {
		return
	}
	ended := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
		go func() {
			k.carry(way[0], way[1])
			ended <- struct{}{}
		}()
	}
	<-ended
}

func (k *Link) carry(from, to net.Conn) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 && (!k.pass() || !sent(to, buf[:n])) || err != nil {
			return
		}
	}
}

func sent(to net.Conn, b []byte) bool {
	_, err := to.Write(b)
	return err == nil
}

// pass waits while the link is stalled; false when it is cut.
func (k *Link) pass() bool {
	for {
		k.mu.Lock()
		state, turned := k.state, k.turned
		k.mu.Unlock()
		if state != stalled {
			return state == whole
		}
		<-turned
	}
}

func (k *Link) enter(c net.Conn) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.state == cut || k.state == closed {
		return false
	}
	k.conns[c] = true
	return true
}

func (k *Link) leave(c net.Conn) {
	c.Close()
	k.mu.Lock()
	delete(k.conns, c)
	k.mu.Unlock()
}
