# expected.awk: the report of this example, counted by other means, for comparison.
#
#   LC_ALL=C mawk -v top=10 -v skip=7312 -f expected.awk < access.log
#
# skip: a line that is left out (the one that crashes a parser); 0 or nothing: none.
# The format of a line is told at the top of guests/parser.c.

# Takes text in quotes off the front of `rest`, leaves it in `text`.
function quoted() {
    if (!match(rest, /^"([^"\\]|\\.)*"/)) return 0
    text = substr(rest, 2, RLENGTH - 2)
    rest = substr(rest, RLENGTH + 1)
    return 1
}

function path_of(request,    at) {
    at = index(request, " ")
    if (!at) return "-"
    request = substr(request, at + 1)
    if (match(request, /[ ?]/)) request = substr(request, 1, RSTART - 1)
    return request == "" ? "-" : request
}

function parse(line,    request) {
    sub(/\r$/, "", line)
    if (!match(line, /^[^ ]+ [^\[]*\[[^\]]*\] /)) return 0
    rest = substr(line, RLENGTH + 1)
    if (!quoted()) return 0
    request = text
    if (!match(rest, /^ [0-9][0-9][0-9] /)) return 0
    status = substr(rest, 2, 3) + 0
    rest = substr(rest, 6)
    if (!match(rest, /^([0-9]+|-) /) || RLENGTH > 16) return 0
    size = substr(rest, 1, RLENGTH - 1) + 0
    rest = substr(rest, RLENGTH + 1)
    if (!quoted() || !sub(/^ /, "", rest) || !quoted()) return 0
    if (rest != "" && rest !~ /^ /) return 0
    path = path_of(request)
    return 1
}

function shown(path) {
    if (length(path) > 120) path = substr(path, 1, 117) "..."
    gsub(/[\001-\037\177]/, "?", path)
    return path
}

NR == skip { next }

{ n_lines++ }

!parse($0) { n_malformed++; next }

{
    n_bytes += size
    if (!(path in requests)) n_paths++
    requests[path]++
    if (status >= 400) errors[path]++
    bytes[path] += size
    if (size > largest[path]) largest[path] = size
}

END {
    printf "%d lines, %d malformed, %.0f bytes, %d paths\n\n", n_lines, n_malformed, n_bytes, n_paths
    printf "%-40s %10s %8s %14s %12s\n", "path", "requests", "errors", "bytes", "max bytes"
    if (top == "") top = 10
    while (top-- > 0 && n_paths-- > 0) {
        most = 0
        for (path in requests)
            if (requests[path] > most || (requests[path] == most && path "" < best "")) {
                most = requests[path]
                best = path
            }
        printf "%-40s %10d %8d %14.0f %12.0f\n", shown(best), most, errors[best], bytes[best], largest[best]
        delete requests[best]
    }
}
