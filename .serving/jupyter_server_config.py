"""For jupyter-server-proxy: aeviz at .../aeviz/ of each person's Jupyter server.

In the image of a JupyterHub this goes to /etc/jupyter/jupyter_server_config.py.
"""

c = get_config()  # noqa: F821
c.ServerProxy.servers = {
    "aeviz": {
        "command": [
            "streamlit",
            "run",
            "app.py",
            "--server.port={port}",
            "--server.address=127.0.0.1",
            "--server.headless=true",
        ],
    }
}
