-- count-contacts — how many live bindings there are.
-- KEYS     expiry
-- ARGV     now
-- RETURNS  count
-- INCLUDE  now
local expiry = KEYS[1]
return redis.call('ZCOUNT', expiry, '(' .. string.format('%d', time_now(ARGV[1])), '+inf')
