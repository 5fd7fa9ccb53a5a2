-- all-contacts — the live bindings of all accounts.
-- KEYS     bindings
-- ARGV     now
-- RETURNS  {now, {account, {binding…}, …}}
-- INCLUDE  now bindings
local bindings = KEYS[1]
local now = time_now(ARGV[1])
local all = redis.call('HGETALL', bindings)
local reply = {}
for i = 1, #all, 2 do
  table.insert(reply, all[i])
  table.insert(reply, as_json((split_live(cjson.decode(all[i + 1]), now))))
end
return { now, reply }
