#!/usr/bin/env python3
"""Prints the values of LogisticRegressionTest.equalsScikitLearn.

Needs scikit-learn: python3 -m venv v && v/bin/pip install scikit-learn && v/bin/python tools/sklearn_logistic.py
"""
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

X = [[1.0, 20, 0], [2.0, 18, 0], [1.5, 30, 1], [3.0, 25, 0], [2.5, 16, 1],
     [4.0, 22, 1], [3.5, 28, 1], [5.0, 15, 0], [4.5, 19, 1], [0.5, 27, 0]]
Y = [0, 0, 0, 1, 0, 1, 1, 1, 0, 0]

z = StandardScaler().fit_transform(X)
model = LogisticRegression(C=1 / 0.5, tol=1e-12, max_iter=10000).fit(z, Y)
print("SKLEARN", [float(w) for w in model.coef_[0]])
print("SKLEARN_INTERCEPT", float(model.intercept_[0]))
print("SKLEARN_SCORE", float(model.decision_function(z)[3]))
