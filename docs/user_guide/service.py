"""A service that classifies texts. Start it with: CLASSIFIER=folder uvicorn service:app"""

import os
from typing import Annotated

from fastapi import FastAPI
from pydantic import BaseModel, Field

from skattn import serving

classifier = serving.load(os.environ["CLASSIFIER"])
app = FastAPI()


class Question(BaseModel):
    texts: Annotated[list[str], Field(min_length=1, max_length=1000)]


class Answer(BaseModel):
    labels: list[str]
    probabilities: list[list[float]]


@app.post("/predict")
def predict(question: Question) -> Answer:
    """FastAPI runs this in a thread pool, because it is not an `async def`."""
    probabilities = classifier.predict_proba(question.texts)
    labels = classifier.classes_[probabilities.argmax(axis=1)]
    return Answer(labels=labels.tolist(), probabilities=probabilities.tolist())
