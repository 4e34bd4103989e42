// Random relabel rules and labels, and what Prometheus makes of them: the cases of components/shared/scrape/relabel/library_test.cc.
//
//	relabel SEED COUNT
//
// A case is lines of fields with tabs between them, in each %, tab and line feed as %25, %09, %0a:
//
//	rule  ACTION  SEPARATOR  REGEX  MODULUS  TARGET  REPLACEMENT  SOURCE...
//	label NAME VALUE
//	scheme utf8 or legacy
//	then  invalid, dropped, or  kept NAME VALUE NAME VALUE ...
package main

import (
	"bufio"
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"
)

var r *rand.Rand

func pick(of ...string) string { return of[r.Intn(len(of))] }

func maybe(chance float64) bool { return r.Float64() < chance }

var names = []string{"__name__", "a", "b", "ab", "a_b", "job", "instance", "__meta_x", "__meta_y_x", "__address__", "c.d", "ü", "x_a", "e1"}

func value() string {
	if maybe(0.5) {
		return pick("foo", "bar", "", "a", "b", "ab", "127.0.0.1:9090", "foo;bar", "A-B", "x\ny", "ÜÖ", "ß", "İ", "$1", "1", "10", "a.b", "http_requests_total")
	}
	var out strings.Builder
	for n := r.Intn(8); n > 0; n-- {
		out.WriteString(pick("a", "b", "A", "1", "2", ":", ";", ".", "_", "-", "ü", " ", "\n", "foo", "$"))
	}
	return out.String()
}

func atom(depth int) string {
	if depth > 0 && maybe(0.35) {
		return pick("(", "(", "(?:", "(?P<n>", "(?i:", "(?i)(") + regex(depth-1) + ")"
	}
	return pick("a", "b", "foo", "bar", ".", "[a-c]", "[^a]", `\d`, `\w`, `\.`, ":", ";", "_", "x", ".*", ".+", "__meta_", `\d+`, "ü", "^", "$", `\b`, `[[:alpha:]]`, `\pL`, "1")
}

func regex(depth int) string {
	var out strings.Builder
	for n := 1 + r.Intn(3); n > 0; n-- {
		out.WriteString(atom(depth))
		if maybe(0.25) {
			out.WriteString(pick("*", "+", "?", "*?", "+?", "{1,2}", "{2}"))
		}
	}
	if maybe(0.2) {
		out.WriteString("|" + pick("", regex(0)))
	}
	return out.String()
}

func template(plain ...string) string {
	var out strings.Builder
	for n := 1 + r.Intn(3); n > 0; n-- {
		if maybe(0.5) {
			out.WriteString(pick(plain...))
		} else {
			out.WriteString(pick("$1", "${1}", "$2", "${n}", "$n", "$0", "$$", "$", "${", "${1", "$1x", "${x}", "$9", "${12}", "$01"))
		}
	}
	return out.String()
}

var actions = []string{"replace", "replace", "replace", "replace", "keep", "drop", "keepequal", "dropequal", "hashmod", "labelmap", "labelmap", "labeldrop", "labelkeep", "lowercase", "uppercase"}

func rule() *relabel.Config {
	for {
		c := relabel.DefaultRelabelConfig
		c.Action = relabel.Action(pick(actions...))
		clean := maybe(0.97)
		only := func(list ...relabel.Action) bool {
			for _, a := range list {
				if a == c.Action {
					return true
				}
			}
			return !clean
		}
		if !only() && c.Action != "labelmap" && c.Action != "labeldrop" && c.Action != "labelkeep" || !clean && maybe(0.5) {
			for n := r.Intn(4); n > 0; n-- {
				c.SourceLabels = append(c.SourceLabels, model.LabelName(pick(names...)))
			}
		}
		if only("replace", "keep", "drop", "hashmod", "lowercase", "uppercase") && maybe(0.3) {
			c.Separator = pick("", "-", ";", "@", "ab", "\n")
		}
		if only("replace", "keep", "drop", "labelmap", "labeldrop", "labelkeep") && maybe(0.8) {
			text := regex(2)
			if c.Action == "labelmap" || c.Action == "labeldrop" || c.Action == "labelkeep" {
				text = pick(text, "__meta_(.*)", "(a|b).*", "__(.+)__", "a|b", "x_.*", ".*", "(.)(.*)")
			}
			re, err := relabel.NewRegexp(text)
			if err != nil {
				continue
			}
			c.Regex = re
		}
		if only("hashmod") || maybe(0.02) {
			c.Modulus = uint64([]int64{0, 1, 2, 3, 7, 1000, 1 << 40}[r.Intn(7)])
		}
		if only("replace", "hashmod", "lowercase", "uppercase", "keepequal", "dropequal") {
			c.TargetLabel = pick(names...)
			if c.Action == "replace" && maybe(0.2) {
				c.TargetLabel = template("a", "x_", "__", "1", "-", "ü")
			} else if maybe(0.03) {
				c.TargetLabel = pick("", "1a", "a-b", "a b", "$1")
			}
		}
		if only("replace", "labelmap") && maybe(0.7) {
			c.Replacement = template("x", "foo", "_", "a_", "", "ü", "-", "__")
		}
		return &c
	}
}

var escape = strings.NewReplacer("%", "%25", "\t", "%09", "\n", "%0a")

func line(out *bufio.Writer, fields ...string) {
	for i, field := range fields {
		if i > 0 {
			out.WriteByte('\t')
		}
		escape.WriteString(out, field)
	}
	out.WriteByte('\n')
}

func main() {
	seed, _ := strconv.ParseInt(os.Args[1], 10, 64)
	count, _ := strconv.Atoi(os.Args[2])
	r = rand.New(rand.NewSource(seed))
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for n := 0; n < count; n++ {
		scheme, word := model.UTF8Validation, "utf8"
		if maybe(0.3) {
			scheme, word = model.LegacyValidation, "legacy"
		}
		line(out, "scheme", word)
		var rules []*relabel.Config
		valid := true
		for m := 1 + r.Intn(4); m > 0; m-- {
			c := rule()
			valid = valid && c.Validate(scheme) == nil
			rules = append(rules, c)
			fields := []string{"rule", string(c.Action), c.Separator, c.Regex.String(), fmt.Sprint(c.Modulus), c.TargetLabel, c.Replacement}
			for _, source := range c.SourceLabels {
				fields = append(fields, string(source))
			}
			line(out, fields...)
		}
		given := map[string]string{}
		for m := r.Intn(7); m > 0; m-- {
			if v := value(); v != "" {
				given[pick(names...)] = v
			}
		}
		base := labels.FromMap(given)
		base.Range(func(l labels.Label) { line(out, "label", l.Name, l.Value) })
		if !valid {
			line(out, "invalid")
			continue
		}
		builder := labels.NewBuilder(base)
		if !relabel.ProcessBuilder(builder, rules...) {
			line(out, "dropped")
			continue
		}
		fields := []string{"kept"}
		builder.Labels().Range(func(l labels.Label) { fields = append(fields, l.Name, l.Value) })
		line(out, fields...)
	}
}
