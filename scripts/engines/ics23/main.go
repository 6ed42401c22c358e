// Judges proofs by cosmos/ics23: one JSON object a line in, one verdict ("true" or "false") a line out.
//
//	{"spec": "smt" or "tendermint", "proof": hex, "root": hex, "key": hex, "value": hex, absent when the key is}
package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"

	ics23 "github.com/cosmos/ics23/go"
)

// maxLine bounds a question: a proof of 256 levels three times over, in hex.
const maxLine = 1 << 20

var specs = map[string]*ics23.ProofSpec{"smt": ics23.SmtSpec, "tendermint": ics23.TendermintSpec}

type question struct {
	Spec, Proof, Root, Key string
	Value                  *string
}

func must(raw []byte, err error) []byte {
	if err != nil {
		fmt.Fprintln(os.Stderr, "ics23-verify:", err)
		os.Exit(2)
	}
	return raw
}

func judge(q question) bool {
	spec, known := specs[q.Spec]
	if !known {
		must(nil, fmt.Errorf("unknown spec %q: smt or tendermint", q.Spec))
	}
	var proof ics23.CommitmentProof
	if proof.Unmarshal(must(hex.DecodeString(q.Proof))) != nil {
		return false
	}
	root, key := must(hex.DecodeString(q.Root)), must(hex.DecodeString(q.Key))
	if q.Value == nil {
		return ics23.VerifyNonMembership(spec, root, &proof, key)
	}
	return ics23.VerifyMembership(spec, root, &proof, key, must(hex.DecodeString(*q.Value)))
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	for lines.Scan() {
		var q question
		must(nil, json.Unmarshal(lines.Bytes(), &q))
		fmt.Println(judge(q))
	}
	must(nil, lines.Err())
}
