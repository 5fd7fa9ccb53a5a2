#!/usr/bin/env bash
# Installs whatever Kommutator lacks on this machine, and nothing else. Safe to run again: what is present is skipped.
#
#   scripts/setup.sh          what the engine needs to run
#   scripts/setup.sh --test   and what the tests need besides
set -euo pipefail
cd "$(dirname "$0")/.."

# Debian packages, with the reason for each.
runtime=(
  redis-server                  # live state: registrations, agents, queues
  libspandsp2                   # DTMF in the audio, tones, packet-loss concealment, fax
  poppler-utils                 # draws the pages of a PDF that is to be faxed
  asterisk-core-sounds-ru-wav   # Russian prompts (CC BY-SA)
  asterisk-core-sounds-en-wav   # English prompts (CC BY-SA)
  asterisk-moh-opsound-wav      # music on hold (CC BY-SA)
)
for_tests=(
  sip-tester                    # sipp: scripted SIP peers and load
  openssl                       # certificates for SIP over TLS
  baresip                       # a real phone with audio
  jackd2                        # the clock of its loudspeaker, without a sound card
  sox                           # makes and measures audio
  chromium                      # a phone that is a web page
  tcpdump                       # when SIP was on the wire, for the bench of the ACD
)

say() { printf '%s\n' "setup: $*"; }
fail() {
  printf 'setup: %s\n' "$@" >&2
  exit 1
}

wanted=("${runtime[@]}")
case "${1:-}" in
  '') ;;
  --test) wanted+=("${for_tests[@]}") ;;
  -h | --help)
    sed -n '2,6s/^# \{0,1\}//p' "$0"
    exit 0
    ;;
  *) fail "unknown option '$1'; the only one is --test" ;;
esac

command -v npm >/dev/null || fail 'npm is missing.' 'On Debian: apt-get install npm. Elsewhere: https://nodejs.org (any version with npm 9 or newer; Node 24 itself comes with the npm packages).'

# Calls apt-get as root, without questions, and keeps Debian from starting services: the engine starts its own redis-server.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}
install_debian() {
  [ "$(id -u)" = 0 ] || command -v sudo >/dev/null || fail "root is needed to install: $*" "Run as root: apt-get install --no-install-recommends $*"
  local policy=/usr/sbin/policy-rc.d placed=''
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
    placed=yes
  fi
  local status=0
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/tmp/kommutator-setup.$$ 2>&1 || status=$?
  if [ "$status" != 0 ]; then
    # Package lists may be missing or old: fetch them once and try again.
    say 'fetching the package lists'
    if as_root apt-get update -qq >>/tmp/kommutator-setup.$$ 2>&1; then
      status=0
      as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >>/tmp/kommutator-setup.$$ 2>&1 || status=$?
    fi
  fi
  [ -z "$placed" ] || as_root rm -f "$policy"
  if [ "$status" != 0 ]; then
    tail -n 15 /tmp/kommutator-setup.$$ >&2
    rm -f /tmp/kommutator-setup.$$
    fail "apt-get could not install: $*" 'See its messages above. Is the network up, and does /etc/apt/sources.list name a Debian mirror?'
  fi
  rm -f /tmp/kommutator-setup.$$
}

if command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; then
  missing=()
  for package in "${wanted[@]}"; do
    dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
  if [ ${#missing[@]} = 0 ]; then
    say 'Debian packages: all present'
  else
    say "Debian packages: installing ${missing[*]}"
    install_debian "${missing[@]}"
  fi
else
  say 'this is not Debian: install by hand redis-server 7, libspandsp 0.0.6, pdftoppm of poppler, and for tests sipp, baresip, sox, chromium.'
  say "Prompts and music are looked for where Debian puts them: /usr/share/asterisk/{sounds,moh}. Packages on Debian: ${wanted[*]}"
  command -v redis-server >/dev/null || fail 'redis-server is missing, and the engine cannot run without it.'
fi

# npm ci only when the lock file has changed since the last time: the stamp holds its checksum.
stamp=node_modules/.kommutator-lock
lock=$(cksum <package-lock.json)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$lock" ]; then
  say 'npm packages: all present'
else
  say 'npm packages: installing from package-lock.json'
  # npm leaves out optional packages that its own Node is too old for, and the test runner has such (Debian 12's npm runs on Node 18): then npm is
  # run on our Node, which is fetched first.
  npm=(npm)
  if ! node -e 'const [a, b] = process.versions.node.split("."); process.exit(+a > 22 || (+a === 22 && b >= 12) || (+a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null; then
    ours=node-$(uname -s | tr '[:upper:]' '[:lower:]')-$(uname -m | sed 's/x86_64/x64/; s/aarch64/arm64/')
    wanted_node=$(sed -n "s/.*\"$ours\": \"\([^\"]*\)\".*/\1/p" package.json)
    if [ -n "$wanted_node" ]; then
      mkdir -p var/node
      npm install --prefix var/node --no-save --no-package-lock --ignore-scripts --no-audit --no-fund --loglevel=error "$ours@$wanted_node" >/dev/null ||
        fail "npm could not fetch $ours." 'See its messages above. Is the network up?'
      npm=("$PWD/var/node/node_modules/$ours/bin/node" "$(readlink -f "$(command -v npm)")")
    fi
  fi
  # None of our packages needs its install script: koffi ships its binary, Node comes as a platform package.
  "${npm[@]}" ci --ignore-scripts --no-audit --no-fund --loglevel=error || fail 'npm ci failed.' 'See its messages above; without a network, npm needs its packages in the cache.'
  # npm 9 (Debian 12) drops the link to our Node when it discards the packages of the other platforms, which have one of the same name.
  for node in node_modules/node-*/bin/node; do
    [ -e node_modules/.bin/node ] || [ ! -x "$node" ] || ln -sf "../${node#node_modules/}" node_modules/.bin/node
  done
  printf '%s' "$lock" >"$stamp"
fi

# npm scripts find the project's own Node first, whatever Node npm itself runs on.
version=$(PATH="$PWD/node_modules/.bin:$PATH" node --version)
case "$version" in
  v24.*) say "ready: Node $version" ;;
  *) fail "npm scripts would run on Node $version, but 24 is needed." "This platform ($(uname -s)-$(uname -m)) has no node package in optionalDependencies: install Node 24 and put it first on the PATH." ;;
esac
