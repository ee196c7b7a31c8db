package pebblestore

// Metrics is what operators watch of the engine. Bytes are of the disk unless said otherwise; Hits, Misses, Flushes and Compactions count
// since the store was opened.
type Metrics struct {
	DiskBytes      uint64 // of tables, manifest and logs, the one being written aside
	FreeBytes      uint64 // left on its file system for this user; 0 where that cannot be told
	WALBytes       uint64 // of the logs still needed
	MemtableBytes  uint64 // in memory
	L0Files        int64  // tables not yet sorted into a level
	L0Sublevels    int32  // appends stall when they pass L0StopWritesThreshold
	CompactionDebt uint64 // an estimate: bytes to be moved until the tree is in shape
	Compacting     int64  // compactions under way
	ReadAmp        int    // tables that a look-up may have to ask
	CacheBytes     int64  // in memory: the block cache
	CacheHits      int64
	CacheMisses    int64
	Flushes        int64
	Compactions    int64
}

// Metrics reads the engine's own counters; nothing waits for it. The zero value once the store is closing.
func (s *Store) Metrics() Metrics {
	if s.enter() != nil {
		return Metrics{}
	}
	defer s.reads.Done()
	if s.wrecked.Load() { // Pebble may hold its locks for ever
		return Metrics{}
	}
	m := s.db.Metrics()
	out := Metrics{DiskBytes: m.DiskSpaceUsage(), WALBytes: m.WAL.Size, MemtableBytes: m.MemTable.Size,
		L0Files: m.Levels[0].TablesCount, L0Sublevels: m.Levels[0].Sublevels, CompactionDebt: m.Compact.EstimatedDebt,
		Compacting: m.Compact.NumInProgress, ReadAmp: m.ReadAmp(), CacheBytes: m.BlockCache.Size, CacheHits: m.BlockCache.Hits,
		CacheMisses: m.BlockCache.Misses, Flushes: m.Flush.Count, Compactions: m.Compact.Count}
	out.FreeBytes = s.Free()
	return out
}

// Free is the space left for this user on the store's file system; 0 where that cannot be told.
func (s *Store) Free() uint64 {
	usage, err := s.opts.FS.GetDiskUsage(s.dir)
	if err != nil {
		return 0
	}
	return usage.AvailBytes
}

// Writable is nil while appends are taken: the disk has not failed, and has the space that Options.MinFreeMB asks for.
func (s *Store) Writable() error {
	if err := s.failure(); err != nil {
		return err
	}
	return s.space(0)
}
