package projections

// cache keeps decoded journeys by id, the least recently used ones only as far as its limit allows. Dirty entries stay: they are
// nowhere else. A flush makes them clean and trims.
type cache struct {
	limit          int // estimated bytes
	size           int
	entries        map[string]*entry
	oldest, newest *entry
}

func newCache(limit int) cache { return cache{limit: limit, entries: make(map[string]*entry)} }

func (c *cache) get(id string) *entry {
	e := c.entries[id]
	if e != nil && e != c.newest {
		c.unlink(e)
		c.link(e)
	}
	return e
}

func (c *cache) put(e *entry) {
	c.entries[e.row.Journey.ID] = e
	c.size += e.size
	c.link(e)
}

func (c *cache) grow(bytes int) { c.size += bytes }

// trim drops entries until the rest fits, oldest first. All of them are clean.
func (c *cache) trim() {
	for c.size > c.limit && c.oldest != nil {
		e := c.oldest
		c.unlink(e)
		delete(c.entries, e.row.Journey.ID)
		c.size -= e.size
	}
}

func (c *cache) link(e *entry) {
	e.older, e.newer = c.newest, nil
	if c.newest != nil {
		c.newest.newer = e
	} else {
		c.oldest = e
	}
	c.newest = e
}

func (c *cache) unlink(e *entry) {
	if e.older != nil {
		e.older.newer = e.newer
	} else {
		c.oldest = e.newer
	}
	if e.newer != nil {
		e.newer.older = e.older
	} else {
		c.newest = e.older
	}
	e.older, e.newer = nil, nil
}
