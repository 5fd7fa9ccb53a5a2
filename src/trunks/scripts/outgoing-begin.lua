-- outgoing-begin — a call to the telephone network begins, unless the PBX or the employee who makes it has reached a limit: then nothing is noted.
-- KEYS     calls recent talked employeeCalls employeeRecent employeeTalked
-- ARGV     now call ttlMs day limits employeeLimits
-- RETURNS  {'begun'} | {'reached', whose, limit}
-- INCLUDE  now
local now, call, ttl, day = time_now(ARGV[1]), ARGV[2], tonumber(ARGV[3]), ARGV[4]
local minute = 60000

-- Limits are three numbers: calls at once, calls a minute, milliseconds of talk a day; 0 is none.
local function of(whose, calls, recent, talked, limits)
  local at_once, per_minute, per_day = string.match(limits, '^(%d+) (%d+) (%d+)$')
  return {
    whose = whose, calls = calls, recent = recent, talked = talked,
    at_once = tonumber(at_once), per_minute = tonumber(per_minute), per_day = tonumber(per_day),
  }
end

local function reached(one)
  if one.at_once > 0 then
    redis.call('ZREMRANGEBYSCORE', one.calls, '-inf', now)
    if redis.call('ZCARD', one.calls) >= one.at_once then return 'concurrent' end
  end
  if one.per_minute > 0 then
    redis.call('ZREMRANGEBYSCORE', one.recent, '-inf', now - minute)
    if redis.call('ZCARD', one.recent) >= one.per_minute then return 'callsPerMinute' end
  end
  if one.per_day > 0 then
    local stored = redis.call('HMGET', one.talked, 'day', 'ms')
    if stored[1] and stored[1] >= day and tonumber(stored[2]) >= one.per_day then return 'minutesPerDay' end
  end
end

local both = {
  of('employee', KEYS[4], KEYS[5], KEYS[6], ARGV[6]),
  of('pbx', KEYS[1], KEYS[2], KEYS[3], ARGV[5]),
}
for _, one in ipairs(both) do
  local limit = reached(one)
  if limit then return { 'reached', one.whose, limit } end
end
for _, one in ipairs(both) do
  if one.at_once > 0 then
    redis.call('ZADD', one.calls, now + ttl, call)
    redis.call('PEXPIRE', one.calls, ttl * 2)
  end
  if one.per_minute > 0 then
    redis.call('ZADD', one.recent, now, call)
    redis.call('PEXPIRE', one.recent, minute)
  end
end
return { 'begun' }
