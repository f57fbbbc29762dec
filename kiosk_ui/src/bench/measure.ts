/** What this page can do on this machine: numbers for the agent, judged elsewhere. */

import type { BenchResult, VideoRung } from "../wire";

/** The renditions of videos, flat and round (KIOSK): width, height, kilobits a second. */
const RUNGS = [
  { rung: "720p", width: 1280, height: 720, kbit: 3_500 },
  { rung: "S", width: 1920, height: 960, kbit: 5_000 },
  { rung: "M", width: 2880, height: 1440, kbit: 9_000 },
  { rung: "L", width: 3840, height: 1920, kbit: 13_000 },
] as const;
type Rung = (typeof RUNGS)[number];

const CODECS = ["vp09.00.50.08", "vp8"];
const IMAGES = 10;
const PLAYED = 45;
const EACH_MS = 1_000 / 30;
/** How many images a player decodes ahead. */
const AHEAD = 4;
const RUNG_WITHIN = 15_000;
const BEEP_MS = 400;

const pause = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

function within<T>(ms: number, work: Promise<T>, otherwise: T): Promise<T> {
  return Promise.race([work.catch(() => otherwise), pause(ms).then(() => otherwise)]);
}

/** Past this share of late images the greater rungs are not tried: they would only keep the screen for longer. */
const HOPELESS = 0.5;

export async function measureVideo(progress: (rung: string) => void): Promise<VideoRung[]> {
  const found: VideoRung[] = [];
  for (const rung of RUNGS) {
    progress(rung.rung);
    const { width, height } = rung;
    const nothing: VideoRung = { rung: rung.rung, width, height, codec: "", fps: null, dropped: null };
    const hopeless = (found.at(-1)?.dropped ?? (found.length > 0 ? 1 : 0)) > HOPELESS;
    // What was given up for its slowness would otherwise go on, and be measured with the next rung.
    const over = new AbortController();
    found.push(hopeless ? nothing : await within(RUNG_WITHIN, measureRung(rung, over.signal), nothing));
    over.abort();
  }
  return found;
}

/** Closed at the latest when the rung is over: work that still holds it then fails at its next step. */
function endingWith<T extends VideoEncoder | VideoDecoder>(over: AbortSignal, coder: T): T {
  const close = () => coder.state !== "closed" && coder.close();
  if (over.aborted) close();
  else over.addEventListener("abort", close);
  return coder;
}

/** Clips are made here, on the spot: nothing has to be shipped, and every machine is given the same images. */
async function measureRung(rung: Rung, over: AbortSignal): Promise<VideoRung> {
  const { width, height } = rung;
  const codec = await playable(rung);
  if (!codec) throw new Error("no codec");
  const clip = await encode(rung, codec, over);
  const fps = Math.round((await fastest(clip, codec, over)) * 10) / 10;
  return { rung: rung.rung, width, height, codec, fps, dropped: await paced(clip, codec, over) };
}

async function playable({ width, height, kbit }: Rung): Promise<string | undefined> {
  for (const codec of CODECS) {
    const encoder = await VideoEncoder.isConfigSupported({ codec, width, height, bitrate: kbit * 1_000, framerate: 30 });
    const decoder = await VideoDecoder.isConfigSupported({ codec });
    if (encoder.supported && decoder.supported) return codec;
  }
  return undefined;
}

async function encode({ width, height, kbit }: Rung, codec: string, over: AbortSignal): Promise<EncodedVideoChunk[]> {
  const clip: EncodedVideoChunk[] = [];
  const encoder = endingWith(
    over,
    new VideoEncoder({ output: (chunk) => clip.push(chunk), error: () => undefined }),
  );
  encoder.configure({ codec, width, height, bitrate: kbit * 1_000, framerate: 30, latencyMode: "realtime" });
  const canvas = new OffscreenCanvas(width, height);
  const pen = canvas.getContext("2d");
  for (let n = 0; n < IMAGES && pen; n += 1) {
    draw(pen, width, height, n);
    const frame = new VideoFrame(canvas, { timestamp: n * EACH_MS * 1_000 });
    encoder.encode(frame, { keyFrame: n === 0 });
    frame.close();
    if (encoder.encodeQueueSize > 2) await pause(5);
  }
  await encoder.flush();
  encoder.close();
  return clip;
}

/** Much that moves, and the same on each machine. */
function draw(pen: OffscreenCanvasRenderingContext2D, width: number, height: number, n: number): void {
  pen.fillStyle = `hsl(${n * 9} 40% 50%)`;
  pen.fillRect(0, 0, width, height);
  for (let i = 0; i < 160; i += 1) {
    pen.fillStyle = `hsl(${(i * 47 + n * 5) % 360} 70% ${30 + (i % 40)}%)`;
    pen.fillRect((i * 7919 + n * 23) % width, (i * 6007 + n * 11) % height, width / 14, height / 14);
  }
}

/** Images a second, as fast as it goes, each brought to the graphics card as a 360° view does. */
async function fastest(clip: EncodedVideoChunk[], codec: string, over: AbortSignal): Promise<number> {
  const shows = screenOfTexture();
  let shown = 0;
  const show = (frame: VideoFrame) => {
    shows(frame);
    shown += 1;
  };
  const decoder = endingWith(over, new VideoDecoder({ output: show, error: () => undefined }));
  decoder.configure({ codec });
  const began = performance.now();
  for (const chunk of [...clip, ...clip]) {
    decoder.decode(chunk);
    while (decoder.decodeQueueSize > AHEAD) await pause(0);
  }
  await decoder.flush();
  decoder.close();
  return (shown * 1_000) / (performance.now() - began);
}

/** The share of the images that come later than the moment they are due. */
async function paced(clip: EncodedVideoChunk[], codec: string, over: AbortSignal): Promise<number> {
  const shows = screenOfTexture();
  const began = performance.now() + AHEAD * EACH_MS;
  let shown = 0;
  let late = 0;
  const show = (frame: VideoFrame) => {
    shows(frame);
    if (performance.now() > began + shown * EACH_MS + EACH_MS) late += 1;
    shown += 1;
  };
  const decoder = endingWith(over, new VideoDecoder({ output: show, error: () => undefined }));
  decoder.configure({ codec });
  for (let n = 0; n < PLAYED; n += 1) {
    const wait = began + (n - AHEAD) * EACH_MS - performance.now();
    if (wait > 0) await pause(wait);
    const chunk = clip[n % clip.length];
    if (chunk) decoder.decode(chunk);
  }
  await decoder.flush();
  decoder.close();
  return Math.min(1, (late + PLAYED - shown) / PLAYED);
}

function screenOfTexture(): (frame: VideoFrame) => void {
  const gl = new OffscreenCanvas(16, 16).getContext("webgl2");
  const texture = gl?.createTexture();
  if (gl && texture) gl.bindTexture(gl.TEXTURE_2D, texture);
  return (frame) => {
    if (gl) gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, frame);
    frame.close();
  };
}

export function measureGraphics(): Pick<BenchResult, "webgl" | "texture" | "renderer"> {
  const canvas = new OffscreenCanvas(16, 16);
  const two = canvas.getContext("webgl2");
  const gl = two ?? new OffscreenCanvas(16, 16).getContext("webgl");
  if (!gl) return { webgl: 0, texture: 0, renderer: "" };
  const told = gl.getExtension("WEBGL_debug_renderer_info");
  const renderer: unknown = told ? gl.getParameter(told.UNMASKED_RENDERER_WEBGL) : "";
  return {
    webgl: two ? 2 : 1,
    texture: gl.getParameter(gl.MAX_TEXTURE_SIZE) as number,
    renderer: typeof renderer === "string" ? renderer.slice(0, 120) : "",
  };
}

/** A short note that somebody beside the kiosk can hear, and the level at which it left. */
export function measureAudio(): Promise<Pick<BenchResult, "audio" | "audio_level">> {
  return within(3_000, beep(), { audio: "failed", audio_level: 0 });
}

async function beep(): Promise<Pick<BenchResult, "audio" | "audio_level">> {
  const context = new AudioContext();
  await within(1_000, context.resume(), undefined);
  const tone = context.createOscillator();
  const gain = context.createGain();
  const ear = context.createAnalyser();
  tone.frequency.value = 660;
  gain.gain.value = 0.3;
  tone.connect(gain).connect(ear).connect(context.destination);
  tone.start();
  await pause(BEEP_MS);
  const wave = new Float32Array(ear.fftSize);
  ear.getFloatTimeDomainData(wave);
  tone.stop();
  const state = context.state;
  await context.close();
  return { audio: state, audio_level: Math.round(Math.max(...wave.map(Math.abs)) * 1_000) / 1_000 };
}

/** Images of the page a second. */
export function measureFrames(): Promise<number> {
  const count = new Promise<number>((done) => {
    const began = performance.now();
    let frames = 0;
    const next = () => {
      frames += 1;
      const took = performance.now() - began;
      if (took < 1_000) requestAnimationFrame(next);
      else done(Math.round((frames * 10_000) / took) / 10);
    };
    requestAnimationFrame(next);
  });
  return within(5_000, count, 0);
}
