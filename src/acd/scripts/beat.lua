-- beat — a node lives; what is due is done by whichever node comes first.
-- KEYS     agents members groups free queue ringing callers timers nodes owned places familiar counted figures meta bindings events
-- ARGV     now chance node ttlMs midnight dayStart keepMs
-- RETURNS  {'unknown'} | {'alive', msUntilNext}
-- INCLUDE  now events state agent offer changes beat
local node, ttl = ARGV[3], tonumber(ARGV[4])
if not redis.call('ZSCORE', nodes, node) then return { 'unknown' } end
-- When nobody was heard of for longer than a node may be silent, Redis was away, and not the nodes.
local last = tonumber(redis.call('HGET', meta, 'lastBeat') or 0)
if now - last > ttl / 2 then
  for _, other in ipairs(redis.call('ZRANGEBYSCORE', nodes, 1, '+inf')) do
    redis.call('ZADD', nodes, integer(now + ttl), other)
  end
end
redis.call('HSET', meta, 'lastBeat', integer(now))
redis.call('ZADD', nodes, integer(now + ttl), node)

local has_more = reap_nodes(tonumber(ARGV[7])) or run_timers() or begin_day(ARGV[5], ARGV[6])
commit()
if has_more then return { 'alive', 0 } end
-- The next timer, or the moment at which a node that stays silent counts as dead.
local next_at = tonumber(redis.call('ZRANGE', nodes, 0, 0, 'WITHSCORES')[2]) + 1
local timer = redis.call('ZRANGE', timers, 0, 0, 'WITHSCORES')[2]
if timer then next_at = math.min(next_at, tonumber(timer)) end
return { 'alive', math.max(0, next_at - now) }
