import { useEffect, useRef, useState } from "preact/hooks";

import { before } from "../before";
import { useKiosk } from "../context";
import { Logo } from "../parts/pictures";
import type { BenchAsked, BenchResult } from "../wire";
import { measureAudio, measureFrames, measureGraphics, measureVideo } from "./measure";

const COLUMNS = 6;
const ROWS = 4;
const CELLS = COLUMNS * ROWS;

/** Measures once, asks whoever stands there to touch each cell, and tells the agent. */
export function Bench({ asked }: { asked: BenchAsked }) {
  const kiosk = useKiosk();
  const [step, setStep] = useState("…");
  const [touched, setTouched] = useState<ReadonlySet<number> | null>(null);
  const measured = useRef<BenchResult | null>(null);
  const count = useRef(0);
  count.current = touched?.size ?? 0;
  const tell = () => {
    const { current } = measured;
    if (current) void kiosk.agent.bench({ ...current, cells: asked.touch_s > 0 ? CELLS : 0, touched: count.current });
  };

  useEffect(() => {
    let here = true;
    void measureAll((word) => here && setStep(word)).then((found) => {
      if (!here) return;
      measured.current = { ...found, id: asked.id };
      if (asked.touch_s === 0) tell();
      else setTouched(new Set());
    });
    return () => {
      here = false;
    };
  }, [asked.id]);

  const asks = touched !== null;
  const all = touched?.size === CELLS;
  useEffect(() => {
    if (!asks) return;
    const timer = setTimeout(tell, all ? 300 : asked.touch_s * 1_000);
    return () => clearTimeout(timer);
  }, [asks, all]);

  return (
    <div class="bench" role="dialog" aria-modal="true" aria-labelledby="bench-title">
      {touched ? (
        <Grid touched={touched} onTouch={(cell) => setTouched((now) => new Set(now).add(cell))} />
      ) : (
        <main class="mode">
          <Logo />
          <h1 id="bench-title">{before("bench.title")[0]}</h1>
          <p class="lead" role="status">{`${before("bench.measures")[0]} ${step}`}</p>
        </main>
      )}
    </div>
  );
}

function Grid({ touched, onTouch }: { touched: ReadonlySet<number>; onTouch: (cell: number) => void }) {
  return (
    <>
      <h1 id="bench-title" class="lead">{`${before("bench.touch")[0]} ${touched.size} / ${CELLS}`}</h1>
      <div class="cells" style={{ gridTemplateColumns: `repeat(${COLUMNS}, 1fr)` }}>
        {Array.from({ length: CELLS }, (_, cell) => (
          <button
            key={cell}
            type="button"
            aria-pressed={touched.has(cell)}
            aria-label={`${before("bench.cell")[0]} ${cell + 1}`}
            onPointerDown={() => onTouch(cell)}
            onKeyDown={(event) => event.key === "Enter" && onTouch(cell)}
          />
        ))}
      </div>
    </>
  );
}

async function measureAll(progress: (word: string) => void) {
  progress(before("bench.frames")[0]);
  const frames = await measureFrames();
  progress(before("bench.audio")[0]);
  const audio = await measureAudio();
  const video = await measureVideo((rung) => progress(`${before("bench.video")[0]} ${rung}`));
  return {
    id: "", video, ...measureGraphics(), ...audio, frames, width: screen.width, height: screen.height,
    ratio: devicePixelRatio, touch_points: navigator.maxTouchPoints, cells: 0, touched: 0,
  };
}
