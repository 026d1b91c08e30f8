"""Trained models of tfgen as files: `tfgen.zoo` reads them, `index.json` names them."""
