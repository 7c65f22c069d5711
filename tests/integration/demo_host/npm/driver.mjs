// Xen Orchestra's own client against a demo host. Reads {url, user, password} from standard input,
// writes one JSON object of findings to standard output.

import { createClient } from 'xen-api'

const chunks = []
for await (const chunk of process.stdin) {
  chunks.push(chunk)
}
const { url, user, password, operations } = JSON.parse(Buffer.concat(chunks).toString())

const findings = { warnings: [], events: [] }
console.warn = (...args) => findings.warnings.push(args.map(String).join(' '))

const deadline = setTimeout(() => {
  findings.error = 'took longer than 60 s'
  finish(1)
}, 60e3)

function finish(code) {
  clearTimeout(deadline)
  process.stdout.write(JSON.stringify(findings) + '\n', () => process.exit(code))
}

function until(xapi, ref, predicate) {
  return new Promise(resolve => {
    const look = () => {
      const object = xapi.getObjectByRef(ref, undefined)
      if (predicate(object)) {
        xapi.objects.removeListener('finish', look)
        resolve(object)
      }
    }
    xapi.objects.on('finish', look)
    look()
  })
}

async function codeOf(promise) {
  try {
    await promise
    return 'no error'
  } catch (error) {
    return [error.code, ...(error.params ?? [])]
  }
}

async function run() {
  findings.badPassword = await codeOf(
    createClient({ url, auth: { user, password: 'wrong' }, allowUnauthorized: true, watchEvents: false }).connect()
  )

  const xapi = createClient({ url, auth: { user, password }, allowUnauthorized: true, debounce: 20 })
  xapi.objects.on('add', objects => findings.events.push(['add', Object.keys(objects).length]))
  xapi.objects.on('update', objects => findings.events.push(['update', Object.keys(objects).length]))
  xapi.objects.on('remove', objects => findings.events.push(['remove', Object.keys(objects).length]))

  await xapi.connect()
  await xapi.objectsFetched
  findings.counts = {}
  for (const object of Object.values(xapi.objects.all)) {
    findings.counts[object.$type] = (findings.counts[object.$type] ?? 0) + 1
  }
  findings.pool = xapi.pool.name_label

  findings.badRef = await codeOf(xapi.call('VM.get_record', 'OpaqueRef:nowhere'))

  const label = 'renamed by npm'
  const vms = Object.values(xapi.objects.indexes.type.VM).filter(
    vm => !vm.is_a_template && !vm.is_control_domain && !vm.is_a_snapshot
  )
  await xapi.call('VM.set_name_label', vms[0].$ref, label)
  findings.renamed = (await until(xapi, vms[0].$ref, vm => vm?.name_label === label)).name_label

  const task = await xapi.call('task.create', 'made by npm', '')
  await until(xapi, task, object => object !== undefined)
  await xapi.call('task.destroy', task)
  await until(xapi, task, object => object === undefined)
  findings.taskCameAndWent = true

  if (operations) {
    const vm = vms.find(vm => vm.power_state === 'Halted')
    findings.badState = await codeOf(xapi.call('VM.hard_reboot', vm.$ref))
    await xapi.callAsync('VM.start', vm.$ref, false, false)
    await until(xapi, vm.$ref, object => object.power_state === 'Running')
    const snapshot = await xapi.callAsync('VM.snapshot', vm.$ref, 'by npm').then(r => r.trim?.() ?? r)
    const taken = await until(xapi, snapshot, object => object !== undefined)
    findings.snapshot = [taken.name_label, taken.is_a_snapshot, taken.snapshot_of === vm.$ref]
    await xapi.callAsync('VM.hard_shutdown', vm.$ref)
    await until(xapi, vm.$ref, object => object.power_state === 'Halted')
    findings.operated = true
  }

  await xapi.disconnect()
}

run().then(
  () => finish(0),
  error => {
    findings.error = String(error.stack ?? error)
    finish(1)
  }
)
