/** Changes of state, each with the MESSAGE_ID by which `journalctl MESSAGE_ID=…` finds it. The README lists them; they never change. */
export const MESSAGE_IDS = {
  /** The daemon serves: at the end of its start. */
  serving: 'e07cb7c2aa2b00e62e355aa6b832674c',
  /** The daemon runs, but answers 503: at the end of its start. */
  notServing: '7df2086588d2ad3e6c7f7efd9b4c37d1',
  /** The start ended with an error. */
  startFailed: 'e9ff8dd6f13d320b62e94ca78038e462',
  /** A signal asks the daemon to stop. */
  stopping: '251033993fc995190b27743bccf2fbb3',
  /** The daemon has stopped. */
  stopped: 'a8f7454db0b50ef9dbd655121e29e54e',
  /** The Hailo device serves, for the first time or again. */
  deviceServes: '4bc8499af631d8243f0c1b41c8a1b286',
  /** The Hailo device does not serve (any more). */
  deviceLost: '0bf90bff1e2ea22d281d6b3bd0c5c32e',
  /** The chip reported something by itself. */
  deviceEvent: '8eb77acc3a9205d1afb8ec668a65e502',
  /** The chip has passed a limit of its temperature, up or down. */
  overheated: 'b8a9b1beeb6c98e2b27a14341ff80416',
  /** The golden windows fail: the model is out of service. */
  modelRefused: 'e6b15ce86cb0e267eb8edf183809cf13',
  /** The golden windows pass again. */
  modelBack: '8579d7c909e8e3a44102d9219f34afc7',
  /** Another model serves, by a command. */
  modelActivated: 'f6741966d412bf187dc0aebc64310a6f',
  /** A model has passed its probation, or was confirmed by a command. */
  modelConfirmed: '9f525756e7be4bbba20735da1e06d542',
  /** The model before serves again: by a command, after a failed probation, or because it could not be loaded. */
  modelReverted: 'cfe66ee9306a2ffb78d2e4239bd62b9a',
  /** A reload is in force. */
  reloaded: '680dfcea5034aebefee3befe1cf35935',
  /** A reload was refused, the old configuration stays. */
  reloadRefused: '7aaf9c23c88c1f6bb9ea273cf9986f8a',
} as const;
