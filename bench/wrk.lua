-- Sends the requests of a file in turn and prints what wrk measured as one JSON object.
-- Arguments: the path to ask, and a file of requests as questions.py writes them.

local requests = {}
local next_request = 0

function init(args)
  local file = assert(io.open(args[2], "rb"))
  for line in file:lines() do
    local headers = {}
    for name, value in line:gmatch("([^\t:]+): ([^\t]+)") do
      headers[name] = value
    end
    local body = file:read(tonumber(headers["Content-Length"]))
    requests[#requests + 1] = wrk.format("POST", args[1], headers, body)
  end
  file:close()
end

function request()
  next_request = next_request % #requests + 1
  return requests[next_request]
end

-- A `response` function would count each status, but costs wrk as much again as the request;
-- its own count of statuses above 399 is enough here, where no server redirects.
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"answers": %d, "seconds": %.6f, "failed_statuses": %d, "broken_connections": %d, '
      .. '"timeouts": %d, "p50_ms": %.4f, "p99_ms": %.4f}\n',
    summary.requests, summary.duration / 1e6, errors.status,
    errors.connect + errors.read + errors.write, errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3
  ))
end
