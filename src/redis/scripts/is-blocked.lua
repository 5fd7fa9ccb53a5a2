-- is-blocked — whether an address is blocked for wrong passwords.
-- KEYS     failures
-- ARGV     now
-- RETURNS  {'free'} | {'blocked', until}
-- INCLUDE  now
local failures = KEYS[1]
local blocked_until = tonumber(redis.call('HGET', failures, 'blockedUntil') or 0)
if blocked_until > time_now(ARGV[1]) then return { 'blocked', blocked_until } end
return { 'free' }
