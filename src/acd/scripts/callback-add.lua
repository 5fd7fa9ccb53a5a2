-- callback-add — a client is to be called back. One task for a number at a time; a group that misses the same call joins its task.
-- KEYS     tasks due events
-- ARGV     now number task firstMs
-- RETURNS  {'added' | 'joined' | 'exists', JSON, dueAt}
-- INCLUDE  now events callback
local number, task = ARGV[2], cjson.decode(ARGV[3])
local function has(groups, group)
  for _, known in ipairs(groups) do
    if known == group then return true end
  end
  return false
end

local function add()
  local old = task_of(number)
  if not old then
    task.createdAt = now
    task.attempts = 0
    keep_task(number, task, now + tonumber(ARGV[4]))
    return 'added', task
  end
  local is_same_call = old.origin == 'group' and task.origin == 'group' and old.call == task.call
  if not is_same_call or has(old.groups, task.groups[1]) then return 'exists', old end
  table.insert(old.groups, task.groups[1])
  keep_task(number, old)
  return 'joined', old
end

local word, kept = add()
local due_at = redis.call('ZSCORE', due, number)
if word ~= 'exists' then tell(word, number, kept, tonumber(due_at)) end
tell_all()
return { word, redis.call('HGET', tasks, number), due_at }
