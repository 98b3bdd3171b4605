/** The inventory service as a process: `node sample-services/inventory/main.ts --port 0`. */
import { runMain } from '@breakwater/starter'
import { startInventory } from './inventory.ts'

runMain(process, 'inventory', startInventory)
