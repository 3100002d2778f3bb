import type { Preset } from './preset.js';
import { ARCHIVE_PRESETS } from './presets/archives.js';
import { TOOL_PRESETS } from './presets/tools.js';
import { VENDOR_PRESETS } from './presets/vendors.js';

/** Every layout that `import` knows by name, in the order of `--list-presets`. */
export const PRESETS: readonly Preset[] = [...ARCHIVE_PRESETS, ...VENDOR_PRESETS, ...TOOL_PRESETS];
