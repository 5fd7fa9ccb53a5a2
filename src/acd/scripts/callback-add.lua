-- callback-add — a client is to be called back. One task for a number at a time; a group that misses the same call joins its task.
-- KEYS     tasks due
-- ARGV     now number task firstMs
-- RETURNS  'added' | 'joined' | 'exists'
-- INCLUDE  now
local tasks, due = KEYS[1], KEYS[2]
local now, number, task = time_now(ARGV[1]), ARGV[2], cjson.decode(ARGV[3])
local old = redis.call('HGET', tasks, number)
if old then
  old = cjson.decode(old)
  if old.call ~= task.call then return 'exists' end
  for _, group in ipairs(old.groups) do
    if group == task.groups[1] then return 'exists' end
  end
  table.insert(old.groups, task.groups[1])
  redis.call('HSET', tasks, number, cjson.encode(old))
  return 'joined'
end
task.createdAt = now
task.attempts = 0
redis.call('HSET', tasks, number, cjson.encode(task))
redis.call('ZADD', due, string.format('%.0f', now + tonumber(ARGV[4])), number)
return 'added'
