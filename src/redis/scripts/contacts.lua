-- contacts — the live bindings of one account.
-- KEYS     bindings
-- ARGV     now account
-- RETURNS  {now, {binding…}}
-- INCLUDE  now bindings
local bindings = KEYS[1]
local now = time_now(ARGV[1])
local live = split_live(read_bindings(bindings, ARGV[2]), now)
return { now, as_json(live) }
