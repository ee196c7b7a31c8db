// Package natstest runs NATS servers with JetStream in this process, alone or several in a cluster, behind TCP links that
// can be cut, stalled and healed. Tests and `baton bench cluster` use it: it is a real server, a real network connection and a real cut, without
// another process or machine. It imports no testing package.
//
// Clients reach a node through its front link, nodes reach each other through a link for each pair; Advertise is set so that no server
// finds a way around them.
package natstest

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// readyTime is how long a server or a cluster may take to start.
const readyTime = time.Minute

// Options of a server or a cluster; the zero value is good, Dir aside.
type Options struct {
	Dir        string                       // below it each node keeps its files, which survive a restart
	SyncAlways bool                         // JetStream syncs before it answers
	Configure  func(o *server.Options)      // the last word on each node's options
	Logger     func(node int) server.Logger // nil: no log
}

// Cluster is n nodes. One node is a server alone.
type Cluster struct {
	Nodes []*Node
	links map[[2]int]*Link // from a node to another: the one that dials first has the route
}

// Node is one server. Its URL stays the same when it is restarted.
type Node struct {
	Name   string
	Server *server.Server // nil while it is down
	Front  *Link          // between clients and it

	options server.Options
	logger  server.Logger
	routes  []*Link // that end or begin at it
	inward  []*Link // of them, those that end at it
}

// Start starts n nodes and returns when each can be used, which in a cluster is when it has a meta leader.
func Start(n int, o Options) (*Cluster, error) {
	c := &Cluster{links: map[[2]int]*Link{}}
	for i := range n {
		if err := c.prepare(i, n, o); err != nil {
			c.Close()
			return nil, err
		}
	}
	for i, node := range c.Nodes {
		for pair, link := range c.links {
			if pair[0] == i || pair[1] == i {
				node.routes = append(node.routes, link)
			}
			if pair[1] == i {
				node.inward = append(node.inward, link)
			}
		}
		if err := node.Start(); err != nil {
			c.Close()
			return nil, err
		}
	}
	if err := c.Ready(); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// prepare makes a node's options and links; nothing runs yet.
func (c *Cluster) prepare(i, n int, o Options) (err error) {
	node := &Node{Name: fmt.Sprintf("n%d", i+1)}
	if node.Front, err = NewLink(""); err != nil {
		return err
	}
	c.Nodes = append(c.Nodes, node)
	node.options = server.Options{
		ServerName: node.Name, Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: o.Logger == nil, MaxPayload: 2 << 20,
		JetStream: true, StoreDir: filepath.Join(o.Dir, node.Name), SyncAlways: o.SyncAlways, ClientAdvertise: node.Front.Addr(),
	}
	if n > 1 {
		// Nobody listens on port 1: routes that servers tell each other of lead nowhere, and only our links are left.
		node.options.Cluster = server.ClusterOpts{Name: "natstest", Host: "127.0.0.1", Port: server.RANDOM_PORT, Advertise: "127.0.0.1:1",
			PoolSize: -1}
		for k := range n {
			if k == i {
				continue
			}
			link, err := NewLink("")
			if err != nil {
				return err
			}
			c.links[[2]int{i, k}] = link
			node.options.Routes = append(node.options.Routes, &url.URL{Scheme: "nats-route", Host: link.Addr()})
		}
	}
	if o.Logger != nil {
		node.logger = o.Logger(i)
	}
	if o.Configure != nil {
		o.Configure(&node.options)
	}
	return nil
}

// Start starts the node, or starts it again from its files, and lets everything reach it.
func (n *Node) Start() error {
	options := n.options
	options.Routes = slices.Clone(n.options.Routes) // the server changes them
	srv, err := server.NewServer(&options)
	if err != nil {
		return err
	}
	if n.logger != nil {
		srv.SetLoggerV2(n.logger, false, false, false)
	}
	go srv.Start()
	if !srv.ReadyForConnections(readyTime) {
		srv.Shutdown()
		return errors.New("the NATS server " + n.Name + " does not start")
	}
	n.Server = srv
	n.Front.To(srv.Addr().String())
	if a := srv.ClusterAddr(); a != nil {
		for _, link := range n.inward {
			link.To(a.String())
		}
	}
	n.Heal()
	return nil
}

// Ready waits until every node that runs has JetStream and, in a cluster, is in touch with all others and with a leader that counts on them, and until the
// streams named have a leader and every node that runs is up to date with them. Only then does the cluster bear the loss of another node.
func (c *Cluster) Ready(streams ...string) error {
	deadline := time.NewTimer(readyTime)
	defer deadline.Stop()
	for tick := time.Tick(10 * time.Millisecond); !c.ready() || slices.ContainsFunc(streams, c.unsettled); {
		select {
		case <-tick:
		case <-deadline.C:
			return errors.New("the NATS cluster does not come together")
		}
	}
	return nil
}

func (c *Cluster) unsettled(stream string) bool {
	return c.Leader(stream) == nil || slices.ContainsFunc(c.Nodes, func(n *Node) bool {
		return n.Server != nil && !n.Server.JetStreamIsStreamCurrent(server.DEFAULT_GLOBAL_ACCOUNT, stream)
	})
}

func (c *Cluster) ready() bool {
	running, peers := 0, 0
	for _, n := range c.Nodes {
		if n.Server != nil {
			running++
		}
	}
	for _, n := range c.Nodes {
		if n.Server == nil {
			continue
		}
		if !n.Server.JetStreamEnabled() {
			return false
		}
		if len(c.Nodes) == 1 {
			return true
		}
		if n.Server.NumRemotes() != running-1 || !n.Server.JetStreamIsCurrent() {
			return false
		}
		peers = max(peers, len(n.Server.JetStreamClusterPeers())) // the leader alone knows them
	}
	return peers >= running
}

// URL is the node's, through its front link.
func (n *Node) URL() string { return "nats://" + n.Front.Addr() }

// URL names every node, separated by commas.
func (c *Cluster) URL() string {
	var all []string
	for _, n := range c.Nodes {
		all = append(all, n.URL())
	}
	return strings.Join(all, ",")
}

// Leader is the node that leads a stream of the default account, nil while there is none.
func (c *Cluster) Leader(stream string) *Node {
	for _, n := range c.Nodes {
		if n.Server != nil && n.Server.JetStreamIsStreamLeader(server.DEFAULT_GLOBAL_ACCOUNT, stream) {
			return n
		}
	}
	return nil
}

// Stop ends the node in order: it hands its leaderships on first.
func (n *Node) Stop() {
	if n.Server != nil {
		n.Server.Shutdown()
		n.Server.WaitForShutdown()
		n.Server = nil
	}
}

// Kill ends the node as kill -9 would for the others: its connections break first, so that no farewell reaches anybody.
func (n *Node) Kill() {
	n.Cut()
	n.Stop()
}

// Cut breaks every connection of the node, to clients and to the other nodes, until Heal.
func (n *Node) Cut() { n.each((*Link).Cut) }

// Stall keeps every byte from and to the node back until Heal: for everybody else it hangs.
func (n *Node) Stall() { n.each((*Link).Stall) }

// Heal undoes Cut and Stall.
func (n *Node) Heal() { n.each((*Link).Heal) }

// CutRoutes takes the node from the other nodes; clients still reach it.
func (n *Node) CutRoutes() {
	for _, link := range n.routes {
		link.Cut()
	}
}

func (n *Node) each(do func(*Link)) {
	do(n.Front)
	for _, link := range n.routes {
		do(link)
	}
}

// Close ends everything. Files are left in Options.Dir.
func (c *Cluster) Close() {
	for _, n := range c.Nodes {
		n.Stop()
		n.Front.Close()
	}
	for _, link := range c.links {
		link.Close()
	}
}

// RemoveFiles takes the files of a node that is down away, as a lost disk does.
func (n *Node) RemoveFiles() error { return os.RemoveAll(n.options.StoreDir) }
