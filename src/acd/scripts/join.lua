-- join — a node begins; what earlier runs of the same node left is given up.
-- KEYS     agents members groups free queue ringing callers timers nodes owned places familiar counted figures meta bindings events
-- ARGV     now chance node prefix ttlMs midnight dayStart
-- RETURNS  'joined' | 'present'
-- INCLUDE  now events state agent offer changes
local node, prefix, ttl = ARGV[3], ARGV[4], tonumber(ARGV[5])
redis.call('HSETNX', meta, 'midnight', ARGV[6])
redis.call('HSETNX', meta, 'dayStart', ARGV[7])
for _, other in ipairs(redis.call('ZRANGE', nodes, 0, -1)) do
  if other ~= node and string.sub(other, 1, #prefix) == prefix then redis.call('ZADD', nodes, 0, other) end
end
return redis.call('ZADD', nodes, integer(now + ttl), node) == 1 and 'joined' or 'present'
