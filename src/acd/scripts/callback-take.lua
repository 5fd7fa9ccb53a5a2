-- callback-take — the tasks that are due, for one node; until the lease is over no other gets them, and then another does.
-- KEYS     tasks due
-- ARGV     now leaseMs limit
-- RETURNS  {number, JSON, …}
-- INCLUDE  now
local tasks, due = KEYS[1], KEYS[2]
local now = time_now(ARGV[1])
local reply = {}
for _, number in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', string.format('%.0f', now), 'LIMIT', 0, ARGV[3])) do
  local json = redis.call('HGET', tasks, number)
  if json then
    local task = cjson.decode(json)
    -- Grows with the time: a holder of an earlier task of this number is not taken for this one's.
    task.lease = math.max((task.lease or 0) + 1, now)
    redis.call('HSET', tasks, number, cjson.encode(task))
    redis.call('ZADD', due, string.format('%.0f', now + tonumber(ARGV[2])), number)
    table.insert(reply, number)
    table.insert(reply, cjson.encode(task))
  else
    redis.call('ZREM', due, number)
  end
end
return reply
