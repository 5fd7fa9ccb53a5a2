-- callback-add — a client is to be called back. One task for a number at a time; a group that misses the same call joins its task.
-- KEYS     tasks due
-- ARGV     now number task firstMs
-- RETURNS  {'added' | 'joined' | 'exists', JSON, dueAt}
-- INCLUDE  now
local tasks, due = KEYS[1], KEYS[2]
local now, number, task = time_now(ARGV[1]), ARGV[2], cjson.decode(ARGV[3])
local function reply(word) return { word, redis.call('HGET', tasks, number), redis.call('ZSCORE', due, number) } end
local function has(groups, group)
  for _, known in ipairs(groups) do
    if known == group then return true end
  end
  return false
end

local json = redis.call('HGET', tasks, number)
if json then
  local old = cjson.decode(json)
  local is_same_call = old.origin == 'group' and task.origin == 'group' and old.call == task.call
  if not is_same_call or has(old.groups, task.groups[1]) then return reply('exists') end
  table.insert(old.groups, task.groups[1])
  redis.call('HSET', tasks, number, cjson.encode(old))
  return reply('joined')
end
task.createdAt = now
task.attempts = 0
redis.call('HSET', tasks, number, cjson.encode(task))
redis.call('ZADD', due, string.format('%.0f', now + tonumber(ARGV[4])), number)
return reply('added')
