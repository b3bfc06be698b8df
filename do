#!/bin/bash
# do - the one menu of everything a developer does here.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")"

help() {
    cat <<'END'
./do VERB

  up        build, make a company example.test, start posternd, send one letter, show what happened
            --once   stop afterwards; exits 0 when everything went well
  build     compile posternd and postern into build/
  test      all tests; ends with `N passed, N failed`
            --unit   unit tests only         --system  whole-system tests only
            --long   the campaigns as well, and tests/mutations
            --check  ./do check as well, counted with them
            --keep   keep the system tests' directories
            --jobs N so many files of the system tests at once (three for two processors)
  check     formatting, layers, sizes, static analysis, documentation
            NAME...  only these checks       --list    what there is
            --deep   clang's analyzer follows each function to its end: four times as long
  docs      write what is generated: docs/man/postern.conf.5
  bench     measure against Postfix (see bench/README.md)
            --quick  a minute, to see that it works
  fuzz      [NAME...] [SECONDS]: fuzz these targets or all, each until its coverage stands still or
            20 minutes are over, keep what is new in tests/corpus
            --still SECONDS   stands still: not grown for so long (300)
            --jobs N          so many at once       --list    what there is
  cover     line coverage of the unit tests, in build-cover/
  package   build the .deb, in build-package/
  clean     remove everything that was built
  help      this

The first run of a verb installs the Debian packages it needs (packaging/build-depends).
END
}

say() {
    printf '\n== %s\n' "$*"
}

# install GROUP...: bring the packages of these groups; asks apt only when one is missing.
install() {
    local groups="$*" missing=() package as_root=()

    while read -r package; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
            missing+=("$package")
    done < <(awk -v groups=" $groups " '!/^#/ && NF == 2 && index(groups, " " $1 " ") { print $2 }' \
        packaging/build-depends | sort -u)
    [ ${#missing[@]} -eq 0 ] && return
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || {
            echo "do: these packages are missing, and there is neither root nor sudo: ${missing[*]}" >&2
            exit 1
        }
        as_root=(sudo)
    fi
    say "installing ${missing[*]}"
    # A mail server that tests start themselves must not start by itself when it is installed.
    "${as_root[@]}" bash -s -- "${missing[@]}" <<'END'
set -e
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod 755 $policy
    trap 'rm -f $policy' EXIT
fi
apt-get update -q
apt-get install -q -y --no-install-recommends "$@"
END
}

# configure DIRECTORY OPTION...: a Meson build directory, made once.
configure() {
    local directory=$1
    shift
    [ -f "$directory/build.ninja" ] || meson setup "$directory" "$@"
}

# provider: the OpenID provider of tests/system/test_oidc.py, where there is npm; without it that file is skipped.
provider() {
    [ -d tests/oidc/node_modules ] || ! command -v npm >/dev/null ||
        (cd tests/oidc && npm ci --ignore-scripts --no-audit --no-fund) ||
        echo "the OpenID provider could not be installed: its tests are skipped" >&2
}

build() {
    install build
    configure build --buildtype=release -Ddebug=true
    ninja -C build
}

cover() {
    install build cover
    configure build-cover -Db_coverage=true
    ninja -C build-cover
    meson test -C build-cover --suite unit -q
    gcovr -r . build-cover --filter src/ --exclude '.*_(test|fuzz)\.c' --print-summary \
        --html-details build-cover/coverage.html -o build-cover/coverage.txt
    tail -n 4 build-cover/coverage.txt
    echo "build-cover/coverage.html has every line"
}

clean() {
    rm -rf build build-* .work
}

verb=${1:-help}
[ $# -eq 0 ] || shift
case $verb in
help | -h | --help) help ;;
build) build ;;
cover) cover ;;
clean) clean ;;
up)
    install build up
    build
    exec tools/up "$@"
    ;;
test)
    case " $* " in
    *" --check "*) install build test check ;;
    *) install build test ;;
    esac
    case " $* " in
    *" --long "*) install long ;;
    esac
    provider
    exec tools/test.py "$@"
    ;;
check)
    install build check
    exec tools/check.py "$@"
    ;;
docs)
    build
    exec tools/docs.py
    ;;
bench)
    install build bench
    build
    exec bench/run "$@"
    ;;
fuzz)
    install build fuzz
    exec tools/fuzz "$@"
    ;;
package)
    install build package
    exec tools/package "$@"
    ;;
*)
    echo "do: there is no verb \`$verb\`" >&2
    help >&2
    exit 64
    ;;
esac
