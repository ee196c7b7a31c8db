package contract

import (
	"bytes"

	"go.yaml.in/yaml/v3"

	"github.com/baton-ledger/baton/ledger"
)

// YAML is the document as people write it: members in the order of the types, one a line. [Parse] gives the same contract back.
func (c *Contract) YAML() ([]byte, error) {
	var node yaml.Node
	if err := yaml.Unmarshal(c.Canonical(), &node); err != nil {
		return nil, ledger.Errorf(ledger.CodeInternal, "write contract", "", "%w", err)
	}
	block(&node, 0)
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := e.Encode(&node); err != nil {
		return nil, ledger.Errorf(ledger.CodeInternal, "write contract", "", "%w", err)
	}
	return out.Bytes(), e.Close()
}

// block takes the flow style of JSON off what is long: lists of texts, and schemas, stay on their line.
func block(n *yaml.Node, depth int) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" {
		n.Style = 0 // the encoder quotes what needs it
	}
	if n.Kind == yaml.DocumentNode || depth < 3 && (n.Kind == yaml.MappingNode || n.Kind == yaml.SequenceNode && (len(n.Content) == 0 || n.Content[0].Kind != yaml.ScalarNode)) {
		n.Style &^= yaml.FlowStyle
	}
	for _, child := range n.Content {
		block(child, depth+map[bool]int{true: 1}[n.Kind != yaml.DocumentNode])
	}
}
