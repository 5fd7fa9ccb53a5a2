-- fail — count one wrong password of an address; at `limit` within the window the address is blocked.
-- KEYS     failures
-- ARGV     now windowMs limit blockMs
-- RETURNS  {'counted', count} | {'blocked', until, count}
-- INCLUDE  now
local failures = KEYS[1]
local now, window, limit, block = time_now(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])

local blocked_until = tonumber(redis.call('HGET', failures, 'blockedUntil') or 0)
local window_ends = tonumber(redis.call('HGET', failures, 'windowEnds') or 0)
if blocked_until <= now and (window_ends <= now or blocked_until > 0) then
  redis.call('DEL', failures)
  redis.call('HSET', failures, 'windowEnds', string.format('%d', now + window))
end
local count = redis.call('HINCRBY', failures, 'count', 1)
if count >= limit and blocked_until <= now then
  blocked_until = now + block
  redis.call('HSET', failures, 'blockedUntil', string.format('%d', blocked_until))
end
redis.call('PEXPIRE', failures, window + block)
if blocked_until > now then return { 'blocked', blocked_until, count } end
return { 'counted', count }
