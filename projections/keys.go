package projections

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

// The first byte of a key is its space; docs of the package list what is in each. Spaces from spaceTotals on hold values that are merged.
const (
	spaceMeta      = 0x00
	spaceAnomaly   = 'a'
	spaceFirst     = 'f'
	spacePointed   = 'g'
	spaceHandoff   = 'h'
	spacePosition  = 'i'
	spaceJourney   = 'j'
	spaceWaited    = 'l'
	spaceInstance  = 'n'
	spaceNetwork   = 'o'
	spacePoint     = 'p'
	spaceIdle      = 'q'
	spaceStage     = 's'
	spaceTime      = 't'
	spaceVolume    = 'v'
	spaceWaiting   = 'w'
	spaceTotals    = 'x'
	levelGroup     = 'g'
	levelResource  = 'r'
	levelOffered   = 'o'
	timeFirst      = 'f'
	timeLast       = 'l'
	timeLen        = 12
	textEscape     = 0xff
	textTerminator = 0x01
)

var (
	keyCursor  = []byte{spaceMeta, 'c'}
	keyVersion = []byte{spaceMeta, 'v'}
	keyTotals  = []byte{spaceTotals}
	keyFirstAt = []byte{spaceTime, timeFirst}
	keyLastAt  = []byte{spaceTime, timeLast}
)

// appendText adds a text to a key such that keys order as tuples of their parts: a zero byte becomes 00 ff, the end is 00 01.
func appendText(key []byte, s string) []byte {
	if strings.IndexByte(s, 0) < 0 {
		return append(append(key, s...), 0, textTerminator)
	}
	for i := range len(s) {
		if key = append(key, s[i]); s[i] == 0 {
			key = append(key, textEscape)
		}
	}
	return append(key, 0, textTerminator)
}

// readText is the inverse of appendText; ok is false where the key ends early.
func readText(key []byte) (s string, rest []byte, ok bool) {
	i := bytes.IndexByte(key, 0)
	if i >= 0 && i+1 < len(key) && key[i+1] == textTerminator {
		return string(key[:i]), key[i+2:], true
	}
	var b []byte
	for i >= 0 && i+1 < len(key) {
		if key[i+1] == textTerminator {
			return string(append(b, key[:i]...)), key[i+2:], true
		}
		b, key = append(b, key[:i+1]...), key[i+2:]
		i = bytes.IndexByte(key, 0)
	}
	return "", nil, false
}

func textKey(space byte, parts ...string) []byte {
	key := append(make([]byte, 0, 64), space)
	for _, p := range parts {
		key = appendText(key, p)
	}
	return key
}

func positionKey(space byte, position uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{space}, position)
}

// appendTime adds an instant, 12 bytes that order as instants do; the offset from UTC is left out.
func appendTime(key []byte, t time.Time) []byte {
	key = binary.BigEndian.AppendUint64(key, uint64(t.Unix())^1<<63)
	return binary.BigEndian.AppendUint32(key, uint32(t.Nanosecond()))
}

func readTime(key []byte) (t time.Time, rest []byte, ok bool) {
	if len(key) < timeLen {
		return time.Time{}, nil, false
	}
	seconds := int64(binary.BigEndian.Uint64(key) ^ 1<<63)
	return time.Unix(seconds, int64(binary.BigEndian.Uint32(key[8:]))).UTC(), key[timeLen:], true
}

// upperBound is the first key after all that begin with prefix.
func upperBound(prefix []byte) []byte {
	end := bytes.Clone(prefix)
	for i := len(end) - 1; i >= 0; i-- {
		if end[i]++; end[i] != 0 {
			return end[:i+1]
		}
	}
	return nil
}

// keyName says in words what a key holds, for errors that a person reads.
func keyName(key []byte) string {
	names := map[byte]string{spaceAnomaly: "count of anomaly", spaceFirst: "journey by first position", spaceHandoff: "handoff",
		spacePosition: "handoff by position", spaceJourney: "journey", spaceWaited: "ended wait", spaceInstance: "anomaly",
		spaceNetwork: "handover of work", spacePoint: "point", spaceIdle: "idle journey", spaceStage: "journey by stage",
		spaceTime: "first or last time", spaceWaiting: "open handoff", spacePointed: "handoff of a point", spaceVolume: "volume of a point", spaceTotals: "totals"}
	if len(key) == 0 || names[key[0]] == "" {
		return fmt.Sprintf("key %x", key)
	}
	rest := key[1:]
	name := names[key[0]]
	switch key[0] {
	case spaceFirst, spacePosition:
		return fmt.Sprintf("%s %x", name, rest)
	case spaceNetwork, spaceTime:
		rest = rest[min(1, len(rest)):]
	case spaceIdle, spaceWaiting:
		rest = rest[min(timeLen, len(rest)):]
	case spaceWaited:
		rest = rest[min(8, len(rest)):]
	}
	for {
		part, tail, ok := readText(rest)
		if !ok {
			return name
		}
		name, rest = fmt.Sprintf("%s %q", name, part), tail
	}
}
