# What README's "Start" does, with its small build of torch: docker build -t aeviz .
FROM python:3.13-slim
WORKDIR /aeviz
COPY . .
RUN pip install torch==2.14.1 torchvision==0.29.1 --index-url https://download.pytorch.org/whl/cpu
RUN pip install -r requirements.txt
EXPOSE 8501
CMD ["streamlit", "run", "app.py"]
