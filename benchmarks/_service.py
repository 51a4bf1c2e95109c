"""The service that `bench_serving.py` asks: uvicorn _service:app.

CLASSIFIER is an exported folder or a joblib file.
"""

import os
from pathlib import Path

from fastapi import FastAPI, Request

if Path(os.environ["CLASSIFIER"]).is_dir():
    from skattn.serving import load
else:
    from joblib import load

classifier = load(os.environ["CLASSIFIER"])
app = FastAPI()


def answer(texts):
    """In a thread of the pool, as FastAPI runs a plain function."""
    return classifier.predict_proba(texts).tolist()


@app.post("/")
async def predict(request: Request):
    """Texts as a JSON list to a list of probabilities."""
    from starlette.concurrency import run_in_threadpool

    return await run_in_threadpool(answer, await request.json())
