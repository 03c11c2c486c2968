export const FEED_HELP = `Usage: hailo-tcn-sidecar feed SOURCE [OPTIONS]

Sends the samples of a recording or a sensor to the running daemon and prints what it makes of them. SOURCE is a CSV or
NDJSON file, - for standard input, /dev/ttyUSB0 for a serial line with lines of either kind, iio:NAME,… for the Linux IIO
devices with these names or numbers, or iio for all of them.

Options:
  --columns A,B,…     the columns in their order, e.g. t_ms,ax,ay,az,gx,gy,gz,mx,my,mz, - for one to skip; by the
                      header otherwise
  --rate HZ           how fast it was sampled; by the times in the recording otherwise
  --time-unit UNIT    s, ms, us or ns; by the header or the steps otherwise
  --acc-unit UNIT     m/s2, g or mg; by the header otherwise, else SI, as the next two
  --gyro-unit UNIT    rad/s, deg/s or mdeg/s
  --mag-unit UNIT     uT, nT, mT, G or mG
  --skip-bad          go over lines that cannot be read: they are missing samples
  --baud N            the speed of the serial line; left as it is otherwise
  --capture HOW       of IIO: buffer, poll, or auto: the buffer where one device has all nine channels
  --root DIR          of IIO: where /sys and /dev are
  --speed N           times real time, by the recording's own times, or max: as fast as the daemon can, which is how
                      files and standard input are sent; sensors come as they come
  --hop N             model samples (100 a second) from one window to the next; 25 otherwise
  --top-k N           how many best motifs each result has
  --latent            the latent, too
  --smoothing MS      time constant of the moving average over the scores
  --hysteresis X      by how much a motif must beat the current one
  --dwell-ms MS       for how long it must beat it
  --gaps POLICY       what to do about missing samples: restart the window, hold or interpolate
  --max-gap-ms MS     the longest gap that is held or interpolated
  --name NAME         for those who look at the list of streams; the source's otherwise
  --output KIND       results: a result a line, NDJSON, which a pipe or file gets; ethogram: a stretch of one motif a
                      line, NDJSON; bar: a block for each window and a legend, which a terminal gets
  --save FILE         write the results to a file, too, as NDJSON
  --url URL           the daemon; the one of the configuration by default, by its Unix socket where this user may
  --token-file FILE   the token that the daemon asks for; the service's by default, which root may read
  --config FILE       the configuration that says what is left out here

What is wrong or only looks wrong is said once, on standard error, and a line with all figures at the end. ^C ends the stream,
waits 2 s for what is under way, prints what there is and ends with status 130.`;
