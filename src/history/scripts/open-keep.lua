-- open-keep — a node lives; these of its calls go on as they stand here, those are over.
-- KEYS     nodes calls
-- ARGV     now node changed over
-- RETURNS  {'known' | 'new', node, spoke, …}: whether this node had calls before; then the nodes that have calls, with when each spoke last
-- INCLUDE  now
local nodes, calls = KEYS[1], KEYS[2]
local now, node = time_now(ARGV[1]), ARGV[2]
local state = redis.call('EXISTS', calls) == 1 and 'known' or 'new'
for id, call in pairs(cjson.decode(ARGV[3])) do redis.call('HSET', calls, id, call) end
for _, id in ipairs(cjson.decode(ARGV[4])) do redis.call('HDEL', calls, id) end
if redis.call('EXISTS', calls) == 1 then
  redis.call('ZADD', nodes, now, node)
else
  redis.call('ZREM', nodes, node)
end
local reply = { state, tostring(now) }
for _, one in ipairs(redis.call('ZRANGE', nodes, 0, -1, 'WITHSCORES')) do table.insert(reply, one) end
return reply
