// Command outside checks what the sandbox exports with Go's own packages for transparency logs:
// golang.org/x/mod/sumdb/note and tlog, which know nothing of us. It exits with status 0 if
// everything holds, and with 1 and a sentence if anything does not.
//
//	outside folder DIR LOGKEY                  every entry, every tile, the signed checkpoint
//	outside grown DIR LOGKEY NOTE              the folder's log begins with the one of an older note
//	outside tree LOGKEY OLDNOTE NEWNOTE PATH   a consistency proof that the sandbox made
//	outside proof LOGKEY PROOF LEAF            a .tlog-proof
//	outside cosigned NOTE WITNESSKEY           a cosignature/v1 on a checkpoint; prints its time
//	outside prove SIZE                         prints every consistency proof among small trees
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const tileHeight = 8

func main() {
	commands := map[string]func([]string) error{
		"folder": folder, "grown": grown, "tree": tree, "proof": proof, "cosigned": cosigned, "prove": prove,
	}
	if err := commands[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Println("refused:", err)
		os.Exit(1)
	}
}

// checkpoint opens a signed note of C2SP tlog-checkpoint; its text must be the one spelling of its values.
func checkpoint(file, key string) (tlog.Tree, error) {
	signed, err := os.ReadFile(file)
	if err != nil {
		return tlog.Tree{}, err
	}
	return opened(signed, key)
}

func opened(signed []byte, key string) (tlog.Tree, error) {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return tlog.Tree{}, err
	}
	open, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(open.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		return tlog.Tree{}, errors.New("not a checkpoint of this log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return tlog.Tree{}, err
	}
	if open.Text != fmt.Sprintf("%s\n%d\n%s\n", lines[0], size, root) {
		return tlog.Tree{}, errors.New("a checkpoint spelled in another way")
	}
	return tlog.Tree{N: size, Hash: root}, nil
}

// files reads tiles from a folder laid out as C2SP tlog-tiles, and remembers which it read.
type files struct {
	folder string
	read   map[string][]byte
}

func (f *files) file(path string) ([]byte, error) {
	if data, found := f.read[path]; found {
		return data, nil
	}
	data, err := os.ReadFile(filepath.Join(f.folder, path))
	if err == nil {
		f.read[path] = data
	}
	return data, err
}

// path turns tlog's tile/8/0/001 into tile/0/001, and its tile/8/data/001 into tile/entries/001.
func path(t tlog.Tile) string {
	rest := strings.TrimPrefix(t.Path(), fmt.Sprintf("tile/%d/", tileHeight))
	return "tile/" + strings.Replace(rest, "data/", "entries/", 1)
}

func (f *files) Height() int { return tileHeight }

func (f *files) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, t := range tiles {
		data, err := f.file(path(t))
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}

func (f *files) SaveTiles([]tlog.Tile, [][]byte) {}

func (f *files) entries(t tlog.Tile) ([][]byte, error) {
	bundle, err := f.file(path(t))
	if err != nil {
		return nil, err
	}
	var found [][]byte
	for len(bundle) > 0 {
		if len(bundle) < 2 || len(bundle)-2 < int(binary.BigEndian.Uint16(bundle)) {
			return nil, errors.New("a bundle that is cut")
		}
		end := 2 + int(binary.BigEndian.Uint16(bundle))
		found, bundle = append(found, bundle[2:end]), bundle[end:]
	}
	if len(found) != t.W {
		return nil, errors.New("a bundle of another number of entries")
	}
	return found, nil
}

func folder(args []string) error {
	head, err := checkpoint(filepath.Join(args[0], "checkpoint"), args[1])
	if err != nil {
		return err
	}
	source := &files{args[0], map[string][]byte{}}
	hashes := tlog.TileHashReader(head, source)
	expected := 0
	for _, t := range tlog.NewTiles(tileHeight, 0, head.N) {
		expected++
		if t.L != 0 {
			continue
		}
		expected++
		t.L = -1
		leaves, err := source.entries(t)
		if err != nil {
			return err
		}
		for i, leaf := range leaves {
			index := t.N<<tileHeight + int64(i)
			stored, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
			if err != nil || stored[0] != tlog.RecordHash(leaf) {
				return fmt.Errorf("entry %d is not the one its tile holds: %v", index, err)
			}
			proof, err := tlog.ProveRecord(head.N, index, hashes)
			if err != nil {
				return err
			}
			if err := tlog.CheckRecord(proof, head.N, head.Hash, index, tlog.RecordHash(leaf)); err != nil {
				return err
			}
		}
	}
	if expected != len(source.read) {
		return fmt.Errorf("%d files were read, the log has %d", len(source.read), expected)
	}
	key, err := os.ReadFile(filepath.Join(args[0], "log.pub"))
	if err != nil || string(key) != args[1]+"\n" {
		return errors.New("log.pub is another key")
	}
	fmt.Println(head.N, head.Hash)
	return nil
}

func grown(args []string) error {
	head, err := checkpoint(filepath.Join(args[0], "checkpoint"), args[1])
	if err != nil {
		return err
	}
	old, err := checkpoint(args[2], args[1])
	if err != nil {
		return err
	}
	hashes := tlog.TileHashReader(head, &files{args[0], map[string][]byte{}})
	proof, err := tlog.ProveTree(head.N, old.N, hashes)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, head.N, head.Hash, old.N, old.Hash)
}

func parsed(lines []string) ([]tlog.Hash, error) {
	var found []tlog.Hash
	for _, line := range lines {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return nil, err
		}
		if hash.String() != line {
			return nil, errors.New("a hash spelled in another way")
		}
		found = append(found, hash)
	}
	return found, nil
}

func tree(args []string) error {
	old, err := checkpoint(args[1], args[0])
	if err != nil {
		return err
	}
	head, err := checkpoint(args[2], args[0])
	if err != nil {
		return err
	}
	data, err := os.ReadFile(args[3])
	if err != nil {
		return err
	}
	proof, err := parsed(strings.Split(strings.TrimSuffix(string(data), "\n"), "\n"))
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, head.N, head.Hash, old.N, old.Hash)
}

func proof(args []string) error {
	data, err := os.ReadFile(args[1])
	if err != nil {
		return err
	}
	leaf, err := os.ReadFile(args[2])
	if err != nil {
		return err
	}
	top, signed, found := bytes.Cut(data, []byte("\n\n"))
	lines := strings.Split(string(top), "\n")
	if !found || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return errors.New("not a tlog-proof")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	if err != nil || lines[1] != fmt.Sprintf("index %d", index) {
		return errors.New("a tlog-proof without an index")
	}
	path, err := parsed(lines[2:])
	if err != nil {
		return err
	}
	head, err := opened(signed, args[0])
	if err != nil {
		return err
	}
	return tlog.CheckRecord(path, head.N, head.Hash, index, tlog.RecordHash(leaf))
}

// witness is a note.Verifier of C2SP tlog-cosignature, which sumdb does not have.
type witness struct {
	name string
	hash uint32
	key  ed25519.PublicKey
	time uint64
}

func (w *witness) Name() string    { return w.name }
func (w *witness) KeyHash() uint32 { return w.hash }

func (w *witness) Verify(text, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	w.time = binary.BigEndian.Uint64(signature)
	said := fmt.Sprintf("cosignature/v1\ntime %d\n%s", w.time, text)
	return ed25519.Verify(w.key, []byte(said), signature[8:])
}

func cosigned(args []string) error {
	signed, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	parts := strings.SplitN(args[1], "+", 3)
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(key) != 1+ed25519.PublicKeySize || key[0] != 4 {
		return errors.New("not a witness's key")
	}
	id := sha256.Sum256(append([]byte(parts[0]+"\n"), key...))
	by := &witness{name: parts[0], hash: binary.BigEndian.Uint32(id[:]), key: key[1:]}
	if fmt.Sprintf("%08x", by.hash) != parts[1] {
		return errors.New("a key id that is not the key's")
	}
	if _, err := note.Open(signed, note.VerifierList(by)); err != nil {
		return err
	}
	fmt.Println(by.time)
	return nil
}

// prove prints "old new hash,hash,..." for all pairs of sizes; leaf n is n as four bytes.
func prove(args []string) error {
	size, err := strconv.ParseInt(args[0], 10, 64)
	if err != nil {
		return err
	}
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		found := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			found[i] = stored[index]
		}
		return found, nil
	})
	for n := int64(0); n < size; n++ {
		more, err := tlog.StoredHashes(n, binary.BigEndian.AppendUint32(nil, uint32(n)), reader)
		if err != nil {
			return err
		}
		stored = append(stored, more...)
		for old := int64(1); old <= n+1; old++ {
			proof, err := tlog.ProveTree(n+1, old, reader)
			if err != nil {
				return err
			}
			words := make([]string, len(proof))
			for i, hash := range proof {
				words[i] = hash.String()
			}
			fmt.Println(old, n+1, strings.Join(words, ","))
		}
	}
	return nil
}
