-- sweep-contacts — remove what has expired, at most `limit` bindings.
-- KEYS     bindings expiry
-- ARGV     now limit
-- RETURNS  {now, {account, binding, …}}
-- INCLUDE  now bindings
local bindings, expiry = KEYS[1], KEYS[2]
local now, limit = time_now(ARGV[1]), ARGV[2]

local due = redis.call('ZRANGEBYSCORE', expiry, '-inf', string.format('%d', now), 'LIMIT', 0, limit)
local swept = {}
for _, member in ipairs(due) do
  local account = string.match(member, '^([^\n]*)\n')
  local live, dead = split_live(read_bindings(bindings, account), now)
  for _, binding in ipairs(dead) do
    table.insert(swept, account)
    table.insert(swept, cjson.encode(binding))
    redis.call('ZREM', expiry, expiry_member(account, binding.key))
  end
  if #dead > 0 then write_bindings(bindings, account, live) end
  redis.call('ZREM', expiry, member)
end
return { now, swept }
