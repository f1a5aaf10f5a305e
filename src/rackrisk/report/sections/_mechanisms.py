"""The mechanisms of the structural model."""

#: What each switch means, in the words of the model's documentation.
MECHANISMS = {
    "deflation": "GPU rents drift down and step down when a new generation ships",
    "duration": "debt outlives contract and asset: balloons and refinancing tests",
    "leverage": "BTC, hash price and the miners’ coins move",
    "convergence": "correlations rise in the stress regime",
    "vacuum": "forced sales: price impact, delay, physical haircut",
    "offtake": "offtakers can default",
}
