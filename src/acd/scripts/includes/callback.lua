-- Clients who are to be called back.
--
-- tasks   hash: number → task (JSON, `CallbackTask`)
-- due     zset: numbers by the moment of the next attempt
-- events  stream: what changes, for those who watch, which src/events keeps
local tasks, due, events, now
-- {tag, type, data} of what is to be told.
local told

at_begin(function()
  tasks, due, events = KEYS[1], KEYS[2], KEYS[3]
  now = time_now(ARGV[1])
  told = {}
end)

local function integer(n) return string.format('%d', n) end

local function task_of(number)
  local json = redis.call('HGET', tasks, number)
  return json and cjson.decode(json)
end

local function keep_task(number, task, dueAt)
  redis.call('HSET', tasks, number, cjson.encode(task))
  if dueAt then redis.call('ZADD', due, integer(dueAt), number) end
end

-- False: somebody was faster.
local function remove_task(number)
  redis.call('ZREM', due, number)
  return redis.call('HDEL', tasks, number) == 1
end

local function tell(what, number, task, dueAt)
  local data = { what = what, at = now, dueAt = dueAt, task = task }
  table.insert(told, { string.format('cb%d.%s.%d', now, number, #told), 'callback', cjson.encode(data) })
end
local function tell_all()
  if #told > 0 then add_events(events, now, told) end
end
